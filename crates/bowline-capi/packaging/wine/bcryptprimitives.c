/* A library of Windows 10 that Wine 8 does not have, and Rust's standard library asks for random numbers: lies
 * beside the tests where they run with Wine, and nowhere else. */
#include <windows.h>

BOOLEAN NTAPI SystemFunction036(PVOID pBuffer, ULONG cbBuffer); /* RtlGenRandom */

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE pBuffer, SIZE_T cbBuffer) {
    return SystemFunction036(pBuffer, (ULONG)cbBuffer);
}
