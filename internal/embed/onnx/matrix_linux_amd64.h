#ifndef AKIN_MATRIX_H
#define AKIN_MATRIX_H

#include <stddef.h>
#include <stdint.h>

/* What onnxruntime_go has no words for: providers that come as a plugin. Of ONNX
 * Runtime's table of functions only those that are named in
 * matrix_linux_amd64.c are called, by their places, which never change. */

/* Registers the plugin with the environment that onnxruntime_go made from the same
 * library. 0, or -1 with a message. Once in a process. */
int akin_plugin_register(const char *library, const char *plugin, char *message, size_t size);

/* Makes sessions of these options run on the plugin's CPU device. 0, or -1 with a
 * message. */
int akin_plugin_append(void *options, char *const *keys, char *const *values, size_t count, char *message, size_t size);

typedef struct {
  uintptr_t address;
  size_t size;
  int flags;
} akin_signal_stack;

void akin_signal_stack_get(akin_signal_stack *stack);
void akin_signal_stack_set(const akin_signal_stack *stack);

#endif
