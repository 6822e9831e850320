package onnx

/*
#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
static void trim(void) { malloc_trim(0); }
#else
static void trim(void) {}
#endif
*/
import "C"

// trim gives memory that was freed back to the system. The C library keeps the
// pieces of a closed session otherwise, and a model that is opened again finds
// them too small: resident memory would grow with every reload.
func trim() { C.trim() }
