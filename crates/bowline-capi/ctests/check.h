/* What the test programs of this directory check with. Each is one program, C or C++, that returns 0 if all is
 * well and says on standard error what is not.
 *
 * They use what GameNetworkingSockets has, unless their names begin with `ours_`: so they can be compiled with
 * its headers as well as with ours, and linked to its library as well as to ours. What a program can only ask
 * of ours it asks for behind `is_bowline()`. With the original's headers, which are C++, a C program is
 * compiled as C++.
 */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <string.h>

#ifdef __cplusplus
/* What C++ passes by reference, C passes by pointer. */
#define REF(x) (x)
#else
#define REF(x) (&(x))
#endif

static int s_nFailures = 0;

/* Goes on after a failure, so that a run tells all there is. */
#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                            \
            ++s_nFailures;                                                                                             \
        }                                                                                                              \
    } while (0)

/* For integers. */
#define CHECK_EQ(is, should)                                                                                           \
    do {                                                                                                               \
        const long long check_is = (long long)(is), check_should = (long long)(should);                                \
        if (check_is != check_should) {                                                                                \
            fprintf(stderr, "%s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #is, check_is, check_should);         \
            ++s_nFailures;                                                                                             \
        }                                                                                                              \
    } while (0)

/* For text. */
#define CHECK_TEXT(is, should) check_text(__FILE__, __LINE__, #is, is, should)

static inline void check_text(const char *file, int line, const char *what, const char *is, const char *should)
{
    if (strcmp(is, should) != 0) {
        fprintf(stderr, "%s:%d: %s is \"%s\", not \"%s\"\n", file, line, what, is, should);
        ++s_nFailures;
    }
}

/* What main returns. */
#define CHECK_DONE() (s_nFailures == 0 ? 0 : 1)

#endif /* CHECK_H */
