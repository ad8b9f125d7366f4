#!/bin/sh
# Holds our headers against those of GameNetworkingSockets, and against every compiler that is there.
#
#   GNS_INCLUDE=DIR layout.sh
#
# DIR is the include directory of GameNetworkingSockets; without it only our own headers are compiled. Prints
# what it did, and fails at the first thing that is wrong.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
ours=$here/../include
theirs=${GNS_INCLUDE:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

have() { command -v "$1" >/dev/null 2>&1; }

# One program for each language that includes every header of ours.
{
    (cd "$ours" && for header in *.h steam/*.h steam/bowline/flat_legacy.h; do echo "#include <$header>"; done)
    echo 'int main(void) { return 0; }'
} >"$work/all.c"
cp "$work/all.c" "$work/all.cpp"

# Each header by itself, and all together, without a warning.
warnings='-Wall -Wextra -Werror -fsyntax-only'
for cc in gcc clang; do
    have $cc || continue
    for std in c11 c17; do
        $cc -std=$std $warnings -pedantic -Wstrict-prototypes -I"$ours" "$work/all.c"
    done
    echo "$cc: C11, C17"
done
for cxx in g++ clang++; do
    have $cxx || continue
    for std in c++11 c++14 c++17 c++20; do
        $cxx -std=$std $warnings -I"$ours" "$work/all.cpp"
    done
    for header in "$ours"/*.h "$ours"/steam/*.h; do
        $cxx -std=c++11 $warnings -x c++ -I"$ours" -include "$header" /dev/null
        case $cxx in g++) gcc -std=c11 $warnings -x c -I"$ours" -include "$header" /dev/null ;; esac
    done
    $cxx -std=c++11 $warnings -U__linux__ -I"$ours" "$work/all.cpp"
    echo "$cxx: C++11 to C++20, both packings"
done

# What only ours have.
c++ -std=c++11 -Wno-invalid-offsetof -I"$ours" "$here/layout_ours.cpp" -o "$work/layout_ours"
"$work/layout_ours"
echo "layouts of the SDK and of bowline.h"

# Other targets need no libraries, only enough of a string.h.
mkdir "$work/libc"
cat >"$work/libc/string.h" <<'END'
#include <stddef.h>
#ifdef __cplusplus
extern "C" {
#endif
void *memcpy(void *, const void *, size_t);
void *memset(void *, int, size_t);
int memcmp(const void *, const void *, size_t);
size_t strlen(const char *);
#ifdef __cplusplus
}
#endif
END
other_targets='i686-pc-linux-gnu aarch64-unknown-linux-gnu x86_64-pc-windows-msvc i686-pc-windows-msvc
    aarch64-pc-windows-msvc x86_64-pc-windows-gnu arm64-apple-darwin s390x-unknown-linux-gnu'
foreign="-ffreestanding -nostdinc++ -isystem $work/libc"

# Both headers give the same table for a target. $1 names the compiler, $2 its flags. Optimised, so that
# constants that nobody uses are left out.
same_table() {
    # shellcheck disable=SC2086
    for which in ours theirs; do
        eval "include=\$$which"
        $1 $2 -std=c++11 -w -S -O1 -I"$include" "$here/layout_table.cpp" -o "$work/$which.s"
    done
    cmp "$work/ours.s" "$work/theirs.s"
}

if have clang; then
    for target in $other_targets; do
        # shellcheck disable=SC2086
        clang --target=$target $foreign -std=c11 -Wall -Wextra -Werror -fsyntax-only -I"$ours" "$work/all.c"
        # shellcheck disable=SC2086
        clang++ --target=$target $foreign -std=c++14 -Wall -Wextra -Werror -fsyntax-only -I"$ours" "$work/all.cpp"
        if [ -n "$theirs" ]; then
            same_table clang++ "--target=$target $foreign"
        fi
        echo "$target: compiled${theirs:+, same table}"
    done
fi
if have x86_64-w64-mingw32-g++; then
    x86_64-w64-mingw32-g++ -std=c++11 $warnings -I"$ours" "$work/all.cpp"
    if [ -n "$theirs" ]; then
        same_table x86_64-w64-mingw32-g++ ""
    fi
    echo "mingw: compiled${theirs:+, same table}"
fi

if [ -z "$theirs" ]; then
    echo "GNS_INCLUDE is not set: not compared"
    exit 0
fi

# Every name of theirs is among those that are compared. Comments are taken out first.
for header in "$theirs"/steam/*.h; do
    c++ -fpreprocessed -dD -E -P -x c++ "$header" 2>/dev/null
done >"$work/theirs.txt"
grep -ohE '\b[kK]_[A-Za-z0-9_]+\b' "$work/theirs.txt" | sort -u |
    grep -vE '^k_(steamID|cch(MaxString|MaxGenericString|MaxXbox)|cbMaxGenericBytes|EGameIDType|iCallback)' >"$work/names"
grep -ohE '\b(SteamAPI|GameNetworkingSockets|SteamNetworking[A-Za-z]+)_[A-Za-z0-9_]+ ?\(' "$work/theirs.txt" |
    tr -d ' (' | sort -u | grep -vE '^(SteamAPI_SteamDatagram|SteamNetworkingMessage_t)' >>"$work/names"
missing=0
while read -r name; do
    grep -qwF "$name" "$here"/layout_values.h "$here"/layout_functions.h && continue
    case $name in SteamNetworking*_SteamAPI) continue ;; esac
    echo "$name is not compared" >&2
    missing=1
done <"$work/names"
[ $missing = 0 ]

for cxx in g++ clang++; do
    have $cxx || continue
    for packing in '' -U__linux__; do
        for which in ours theirs; do
            eval "include=\$$which"
            # shellcheck disable=SC2086
            $cxx -std=c++11 -w $packing -I"$include" "$here/layout.cpp" -o "$work/layout_$which"
            "$work/layout_$which" >"$work/$which.txt"
        done
        diff "$work/theirs.txt" "$work/ours.txt"
        echo "$cxx $packing: the same $(wc -l <"$work/ours.txt") lines"
    done
done
