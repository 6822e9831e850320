#include "matrix_linux_amd64.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* Places in the OrtApi table of version 24; TestPlaces compares them with the
 * header that onnxruntime_go is built with. */
enum {
  GetErrorMessage = 2,
  CreateEnv = 3,
  ReleaseStatus = 93,
  GetKeyValue = 297,
  RegisterExecutionProviderLibrary = 301,
  GetEpDevices = 303,
  SessionOptionsAppendExecutionProvider_V2 = 304,
  EpDevice_EpName = 312,
  EpDevice_EpMetadata = 314
};

enum { API_VERSION = 24, LOG_ERROR = 3 };

typedef struct {
  const void *const *(*get_api)(uint32_t version);
  const char *(*get_version)(void);
} api_base;

typedef void *status;

static const void *const *api;
static void *env;
static const void *device;

static int say(char *message, size_t size, const char *what, const char *why) {
  snprintf(message, size, "%s: %s", what, why ? why : "unknown error");
  return -1;
}

static int check(status s, const char *what, char *message, size_t size) {
  if (!s) return 0;
  say(message, size, what, ((const char *(*)(const void *))api[GetErrorMessage])(s));
  ((void (*)(void *))api[ReleaseStatus])(s);
  return -1;
}

static int find_device(char *message, size_t size) {
  const void *const *devices = NULL;
  size_t count = 0;
  status s = ((status(*)(const void *, const void *const **, size_t *))api[GetEpDevices])(env, &devices, &count);
  if (check(s, "list devices", message, size)) return -1;
  for (size_t i = 0; i < count; i++) {
    const char *name = ((const char *(*)(const void *))api[EpDevice_EpName])(devices[i]);
    const void *data = ((const void *(*)(const void *))api[EpDevice_EpMetadata])(devices[i]);
    const char *kind = data ? ((const char *(*)(const void *, const char *))api[GetKeyValue])(data, "ov_device") : NULL;
    if (name && kind && !strcmp(name, "OpenVINOExecutionProvider") && !strcmp(kind, "CPU")) {
      device = devices[i];
      return 0;
    }
  }
  return say(message, size, "list devices", "the plugin has none for this CPU; it takes those of Intel alone");
}

int akin_plugin_register(const char *library, const char *plugin, char *message, size_t size) {
  /* Opened once more than onnxruntime_go does, and never closed: the environment
   * lives on with the plugin in it. */
  void *handle = dlopen(library, RTLD_LAZY);
  if (!handle) return say(message, size, "open ONNX Runtime", dlerror());
  const api_base *(*base)(void) = (const api_base *(*)(void))dlsym(handle, "OrtGetApiBase");
  if (!base) return say(message, size, "open ONNX Runtime", dlerror());
  api = base()->get_api(API_VERSION);
  if (!api) return say(message, size, "open ONNX Runtime", "it is older than version 1.24");
  if (!env) {
    status s = ((status(*)(int, const char *, void **))api[CreateEnv])(LOG_ERROR, "akin", &env);
    if (check(s, "join the environment", message, size)) return -1;
  }
  if (!device) {
    status s = ((status(*)(void *, const char *, const char *))api[RegisterExecutionProviderLibrary])(env, "akin_openvino", plugin);
    if (check(s, "register the plugin", message, size)) return -1;
  }
  return find_device(message, size);
}

int akin_plugin_append(void *options, char *const *keys, char *const *values, size_t count, char *message, size_t size) {
  const void *devices[] = {device};
  status s = ((status(*)(void *, void *, const void *const *, size_t, char *const *, char *const *, size_t))
                  api[SessionOptionsAppendExecutionProvider_V2])(options, env, devices, 1, keys, values, count);
  return check(s, "use the plugin", message, size);
}

void akin_signal_stack_get(akin_signal_stack *stack) {
  stack_t now;
  memset(&now, 0, sizeof now);
  sigaltstack(NULL, &now);
  stack->address = (uintptr_t)now.ss_sp;
  stack->size = now.ss_size;
  stack->flags = now.ss_flags;
}

void akin_signal_stack_set(const akin_signal_stack *stack) {
  stack_t then;
  memset(&then, 0, sizeof then);
  then.ss_sp = (void *)stack->address;
  then.ss_size = stack->size;
  then.ss_flags = stack->flags & ~SS_ONSTACK;
  sigaltstack(&then, NULL);
}
