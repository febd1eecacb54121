/* A samkit plugin in plain C: boxes around the connected bright regions of an image.
 *
 *     cc -shared -fPIC -O2 -I crates/samkit-plugin-abi/include -o bright.so bright.c
 */
#include "samkit_plugin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(literal) {(const uint8_t *)(literal), sizeof(literal) - 1}

static _Thread_local char last_error_text[160];

static SamkitStatus fail(SamkitStatus status, const char *reason) {
  snprintf(last_error_text, sizeof last_error_text, "%s", reason);
  return status;
}

static SamkitStr last_error(void) {
  SamkitStr text = {(const uint8_t *)last_error_text, strlen(last_error_text)};
  return text;
}

/* ---- What the plugin is ---- */

static const SamkitSlot inputs[] = {
    {.name = TEXT("image"), .description = TEXT("the image"), .kind = SAMKIT_KIND_IMAGE}};
static const SamkitSlot outputs[] = {
    {.name = TEXT("boxes"),
     .description = TEXT("a box around each bright region, the largest value its area"),
     .kind = SAMKIT_KIND_BOXES,
     .flags = SAMKIT_SLOT_DEFAULT}};

static const SamkitDescriptor descriptor = {
    .header = {SAMKIT_MAGIC, SAMKIT_ABI_MAJOR, SAMKIT_ABI_MINOR, sizeof(SamkitDescriptor), 0},
    .id = TEXT("bright"),
    .name = TEXT("Bright regions"),
    .version = TEXT("0.1.0"),
    .license = TEXT("MIT OR Apache-2.0"),
    .description = TEXT("Boxes around the connected bright regions of an image"),
    .params_schema = TEXT(
        "{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"type\":\"object\","
        "\"additionalProperties\":false,\"properties\":{"
        "\"threshold\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":255,\"default\":200,"
        "\"description\":\"Pixels whose mean of red, green and blue is at least this are bright.\"},"
        "\"min_area\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000000000,\"default\":16,"
        "\"description\":\"Regions of fewer pixels are left out.\"}}}"),
    .inputs = inputs,
    .input_count = 1,
    .outputs = outputs,
    .output_count = 1,
};

/* ---- Parameters ---- */

typedef struct Bright {
  long threshold;
  long min_area;
} Bright;

/* Reads a flat JSON object of whole numbers, which is all that the schema allows. */
static SamkitStatus read_params(SamkitStr params, Bright *task) {
  char text[256], key[32];
  if (params.len >= sizeof text) return fail(SAMKIT_INVALID_PARAMS, "there are too many parameters");
  memcpy(text, params.data, params.len);
  text[params.len] = 0;
  int at = 0, n = 0;
  if (sscanf(text, " { %n", &at) != 0 || at == 0)
    return fail(SAMKIT_INVALID_PARAMS, "expected an object");
  while (text[at] == '"') {
    long value;
    n = 0;
    if (sscanf(text + at, "\"%31[^\"]\" : %ld %n", key, &value, &n) != 2)
      return fail(SAMKIT_INVALID_PARAMS, "expected whole numbers");
    at += n;
    if (strcmp(key, "threshold") == 0 && value >= 0 && value <= 255) {
      task->threshold = value;
    } else if (strcmp(key, "min_area") == 0 && value >= 1 && value <= 1000000000) {
      task->min_area = value;
    } else {
      snprintf(last_error_text, sizeof last_error_text, "`%s` is unknown or out of range", key);
      return SAMKIT_INVALID_PARAMS;
    }
    if (text[at] != ',') break;
    at++;
    while (text[at] == ' ') at++;
  }
  return text[at] == '}' ? SAMKIT_OK : fail(SAMKIT_INVALID_PARAMS, "expected whole numbers");
}

static SamkitStatus create(const SamkitHost *host, SamkitStr params, void **instance) {
  (void)host;
  Bright *task = malloc(sizeof *task);
  if (!task) return fail(SAMKIT_FAILED, "out of memory");
  task->threshold = 200;
  task->min_area = 16;
  SamkitStatus status = read_params(params, task);
  if (status != SAMKIT_OK) {
    free(task);
    return status;
  }
  *instance = task;
  return SAMKIT_OK;
}

static void destroy(void *instance) { free(instance); }

/* ---- The work ---- */

/* All that the output points to, in memory of its own that the host frees with `release`. */
typedef struct Found {
  SamkitRegion *regions;
  SamkitNamedValue *values;
  size_t count, capacity;
} Found;

static void release(void *context) {
  Found *found = context;
  if (!found) return;
  free(found->regions);
  free(found->values);
  free(found);
}

static int add(Found *found, SamkitBox box, double area) {
  if (found->count == found->capacity) {
    size_t capacity = found->capacity ? 2 * found->capacity : 16;
    void *regions = realloc(found->regions, capacity * sizeof *found->regions);
    if (regions) found->regions = regions;
    void *values = realloc(found->values, capacity * sizeof *found->values);
    if (values) found->values = values;
    if (!regions || !values) return 0;
    found->capacity = capacity;
  }
  SamkitRegion region = {.bbox = box, .label = TEXT("bright"), .value_count = 1};
  SamkitNamedValue value = {TEXT("area"), area};
  found->regions[found->count] = region;
  found->values[found->count++] = value;
  return 1;
}

/* Clears the region around `start` and measures it. `stack` has room for every pixel. */
static size_t fill(uint8_t *bright, size_t *stack, size_t width, size_t height, size_t start,
                   SamkitBox *box) {
  size_t top = 0, area = 0, x0 = width, y0 = height, x1 = 0, y1 = 0;
  bright[start] = 0;
  stack[top++] = start;
  while (top > 0) {
    size_t at = stack[--top], x = at % width, y = at / width;
    area++;
    if (x < x0) x0 = x;
    if (y < y0) y0 = y;
    if (x + 1 > x1) x1 = x + 1;
    if (y + 1 > y1) y1 = y + 1;
    if (x > 0 && bright[at - 1]) bright[at - 1] = 0, stack[top++] = at - 1;
    if (x + 1 < width && bright[at + 1]) bright[at + 1] = 0, stack[top++] = at + 1;
    if (y > 0 && bright[at - width]) bright[at - width] = 0, stack[top++] = at - width;
    if (y + 1 < height && bright[at + width]) bright[at + width] = 0, stack[top++] = at + width;
  }
  SamkitBox found = {(float)x0, (float)y0, (float)x1, (float)y1};
  *box = found;
  return area;
}

static SamkitStatus search(const Bright *task, const SamkitHost *host, const SamkitTensor *image,
                           uint8_t *bright, size_t *stack, Found *found) {
  size_t height = (size_t)image->shape[0], width = (size_t)image->shape[1];
  const uint8_t *rgb = image->data;
  for (size_t i = 0; i < width * height; i++)
    bright[i] = rgb[3 * i] + rgb[3 * i + 1] + rgb[3 * i + 2] >= 3 * task->threshold;
  for (size_t y = 0; y < height; y++) {
    if (host->progress(host->context, y, height) != SAMKIT_CONTINUE) return SAMKIT_CANCELLED;
    for (size_t i = y * width; i < (y + 1) * width; i++) {
      SamkitBox box;
      if (!bright[i]) continue;
      size_t area = fill(bright, stack, width, height, i, &box);
      if (area >= (size_t)task->min_area && !add(found, box, (double)area))
        return fail(SAMKIT_FAILED, "out of memory");
    }
  }
  for (size_t i = 0; i < found->count; i++) found->regions[i].values = &found->values[i];
  return SAMKIT_OK;
}

static SamkitStatus run(void *instance, const SamkitHost *host, const SamkitInputs *in,
                        const SamkitOutputs *out) {
  const SamkitTensor *image = NULL;
  for (size_t i = 0; i < in->artifact_count; i++)
    if (in->artifacts[i]->kind == SAMKIT_KIND_IMAGE) image = &in->artifacts[i]->tensor;
  if (!image || image->ndim != 3 || image->shape[2] != 3)
    return fail(SAMKIT_INVALID_INPUT, "there is no RGB image");
  size_t height = (size_t)image->shape[0], width = (size_t)image->shape[1];
  uint8_t *bright = malloc(width * height);
  size_t *stack = malloc(width * height * sizeof *stack);
  Found *found = calloc(1, sizeof *found);
  SamkitStatus status = bright && stack && found
                            ? search(instance, host, image, bright, stack, found)
                            : fail(SAMKIT_FAILED, "out of memory");
  free(bright);
  free(stack);
  if (status != SAMKIT_OK) {
    release(found);
    return status;
  }
  SamkitArtifact boxes = {
      .header = {SAMKIT_MAGIC, SAMKIT_ABI_MAJOR, SAMKIT_ABI_MINOR, sizeof(SamkitArtifact), 0},
      .kind = SAMKIT_KIND_BOXES,
      .name = TEXT("boxes"),
      .width = (uint32_t)width,
      .height = (uint32_t)height,
      .regions = found->regions,
      .region_count = found->count,
      .owner = {found, release},
  };
  return out->put(out->context, &boxes);
}

static const SamkitEntry entry = {
    .header = {SAMKIT_MAGIC, SAMKIT_ABI_MAJOR, SAMKIT_ABI_MINOR, sizeof(SamkitEntry), 0},
    .descriptor = &descriptor,
    .create = create,
    .run = run,
    .destroy = destroy,
    .last_error = last_error,
};

const SamkitEntry *samkit_plugin_entry_v1(void) { return &entry; }
