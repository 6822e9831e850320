/* A plugin that is OpenVINO's (PLUGIN is its path, from the folder of this one), but
 * for one answer: every CPU is Intel's. OpenVINO runs on others as well, and its plugin only does not offer
 * itself there, so that this is what tests need on such machines. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* The length of the OrtApi table of version 24, and a place in it. */
enum { PLACES = 405, HardwareDevice_VendorId = 308, INTEL = 0x8086 };

typedef struct {
  const void *const *(*get_api)(uint32_t version);
  const char *(*get_version)(void);
} api_base;

static const api_base *real_base;
static const void *table[PLACES];

static uint32_t vendor(const void *device) {
  (void)device;
  return INTEL;
}

static const void *const *get_api(uint32_t version) {
  const void *const *real = real_base->get_api(version);
  if (!real) return NULL;
  memcpy(table, real, sizeof table);
  table[HardwareDevice_VendorId] = (const void *)vendor;
  return table;
}

static const char *get_version(void) { return real_base->get_version(); }

static void *symbol(const char *name) {
  Dl_info here;
  char path[4096];
  if (!dladdr((void *)symbol, &here)) return NULL;
  const char *end = strrchr(here.dli_fname, '/');
  snprintf(path, sizeof path, "%.*s/%s", (int)(end - here.dli_fname), here.dli_fname, PLUGIN);
  return dlsym(dlopen(path, RTLD_NOW), name);
}

void *CreateEpFactories(const char *name, const api_base *base, const void *logger, void **factories, size_t most, size_t *count) {
  static const api_base changed = {get_api, get_version};
  real_base = base;
  return ((void *(*)(const char *, const api_base *, const void *, void **, size_t, size_t *))symbol("CreateEpFactories"))(
      name, &changed, logger, factories, most, count);
}

void *ReleaseEpFactory(void *factory) { return ((void *(*)(void *))symbol("ReleaseEpFactory"))(factory); }
