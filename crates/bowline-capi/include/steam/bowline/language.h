/* What lets the headers in steam/ be read by C11 as well as by C++11: in C, references are pointers,
 * interfaces are opaque, and constants are those of enums. Part of steamtypes.h.
 */
#ifndef BOWLINE_LANGUAGE_H
#define BOWLINE_LANGUAGE_H

#ifdef __cplusplus

/* A constant of type int, usable as the length of an array. */
#define BOWLINE_INT(name, value) const int name = value
/* A constant of any type. */
#define BOWLINE_CONST(type, name, value) const type name = value
/* A parameter that C++ takes by reference, and C by pointer. The machine sees the same. */
#define BOWLINE_REF(type) type &
/* Names an interface before it is declared: a class in C++. */
#define BOWLINE_OPAQUE(name) class name
#define BOWLINE_INLINE inline
#define BOWLINE_STATIC_ASSERT(what, text) static_assert(what, text)
#define BOWLINE_ALIGNOF(type) alignof(type)

#else

#include <stdbool.h>

#define BOWLINE_INT(name, value) enum { name = value }
#define BOWLINE_CONST(type, name, value) static const type name = value
#define BOWLINE_REF(type) type *
#define BOWLINE_OPAQUE(name) typedef struct name name
#define BOWLINE_INLINE static inline
#define BOWLINE_STATIC_ASSERT(what, text) _Static_assert(what, text)
#define BOWLINE_ALIGNOF(type) _Alignof(type)

#endif

#endif /* BOWLINE_LANGUAGE_H */
