/* sluicegate.h - task kinds of one's own for Sluicegate: plugin ABI, major version 1. Plain C11; usable from C++, Zig and Rust.
 *
 * A plugin is a shared library with one exported function, `sluice_plugin_v1`, which returns a table of kinds. It is loaded in a
 * worker process, never in the orchestrator, and never closed again.
 *
 * Rules
 *   - Fields are only appended, and numbers are never given another meaning. `size`, `kind_stride` and `min_host_size` say how much of
 *     a table is there: what is not there is absent, and counts as zero.
 *   - Texts are UTF-8 by pointer and length, not terminated by a zero, and borrowed: whoever receives one copies it before returning.
 *   - No memory changes its owner but Arrow C streams, which carry their own `release`.
 *   - Nothing may unwind, throw or jump across a call.
 *   - `sluice_plugin_v1` and `describe` start no thread and touch no file; they are called in a process that may not write.
 */
#ifndef SLUICEGATE_H
#define SLUICEGATE_H
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

#define SLUICE_MAGIC     0x31474C53u /* "SLG1" */
#define SLUICE_ABI_MAJOR 1
#define SLUICE_ABI_MINOR 0

#if defined(_WIN32)
#define SLUICE_EXPORT __declspec(dllexport)
#else
#define SLUICE_EXPORT __attribute__((visibility("default")))
#endif

/* A borrowed text or JSON document. */
typedef struct sluice_bytes {
  const uint8_t *ptr;
  size_t len;
} sluice_bytes;

/* Receives a text; copies it before it returns. May be called once at most. */
typedef void (*sluice_sink)(void *user, sluice_bytes text);

typedef int32_t sluice_status;
enum {
  SLUICE_OK = 0,
  SLUICE_FAILED = 1,      /* `fail` or a failing host function said why */
  SLUICE_CANCELLED = 2,   /* the task stopped because `cancelled` said so */
  SLUICE_PANICKED = 3,    /* a mistake in the kind; `fail` said which */
  SLUICE_UNSUPPORTED = 4, /* an answer to `ask`: this kind has nothing to say about that */
  SLUICE_ABSENT = 5       /* from the host: there is no such parameter, input or secret */
};
enum { SLUICE_INFO = 0, SLUICE_WARN = 1, SLUICE_ERROR = 2 };

/* The Arrow C data and stream interfaces, as https://arrow.apache.org/docs/format/CStreamInterface.html defines them. */
#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE
#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4
struct ArrowSchema {
  const char *format;
  const char *name;
  const char *metadata;
  int64_t flags;
  int64_t n_children;
  struct ArrowSchema **children;
  struct ArrowSchema *dictionary;
  void (*release)(struct ArrowSchema *);
  void *private_data;
};
struct ArrowArray {
  int64_t length;
  int64_t null_count;
  int64_t offset;
  int64_t n_buffers;
  int64_t n_children;
  const void **buffers;
  struct ArrowArray **children;
  struct ArrowArray *dictionary;
  void (*release)(struct ArrowArray *);
  void *private_data;
};
#endif
#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE
struct ArrowArrayStream {
  int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *out);
  int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *out);
  const char *(*get_last_error)(struct ArrowArrayStream *);
  void (*release)(struct ArrowArrayStream *);
  void *private_data;
};
#endif

/* What a running task can ask of the host. Every function may be called from any thread of the task until `run` returns; `ctx` is what
 * `run` was given. A function that returns a status other than SLUICE_OK has told the host why: the task may simply return SLUICE_FAILED. */
typedef struct sluice_host {
  uint32_t size;      /* of this table in the host; look before using what later versions appended: SLUICE_HAS(host, field) */
  uint32_t abi_minor; /* of the host */
  /* Writes a line to the attempt's log. */
  void (*log)(void *ctx, int32_t level, sluice_bytes message);
  /* Records a metric; the last value of a name stands. */
  void (*metric)(void *ctx, sluice_bytes name, double value);
  /* Says how far the task is: from 0 to 1, NaN when unknown. */
  void (*progress)(void *ctx, double fraction, sluice_bytes note);
  /* 1 when the task should stop soon. Look in every long loop. */
  int32_t (*cancelled)(void *ctx);
  /* Gives a parameter as JSON, by JSON pointer: "/columns/0"; "" is all of them. SLUICE_ABSENT when it is not there. */
  sluice_status (*param)(void *ctx, sluice_bytes pointer, sluice_sink json, void *user);
  /* Gives an input as a stream of record batches; the task releases it. SLUICE_ABSENT when it is not connected. */
  sluice_status (*input_table)(void *ctx, sluice_bytes port, struct ArrowArrayStream *out);
  /* Gives the path of an input's file, which is read only. */
  sluice_status (*input_path)(void *ctx, sluice_bytes port, sluice_sink path, void *user);
  /* Gives an input that is a value, a report or a verdict, as JSON. */
  sluice_status (*input_json)(void *ctx, sluice_bytes port, sluice_sink json, void *user);
  /* Takes a table as an output. Moves *in: the host releases it, whatever it returns. */
  sluice_status (*output_table)(void *ctx, sluice_bytes port, struct ArrowArrayStream *in);
  /* Gives the path where to write an output of a type: "file", "model", "report". It becomes an artifact when the task succeeds. */
  sluice_status (*output_path)(void *ctx, sluice_bytes port, sluice_bytes type, sluice_sink path, void *user);
  /* Takes a small JSON value as an output. */
  sluice_status (*output_value)(void *ctx, sluice_bytes port, sluice_bytes json);
  /* Gives a secret that the task was given. Never log it; what goes through `log` is masked. */
  sluice_status (*secret)(void *ctx, sluice_bytes name, sluice_sink text, void *user);
  /* Sets the one line that is shown behind the task. */
  void (*summary)(void *ctx, sluice_bytes text);
  /* Sets what a gate decided, as JSON. */
  sluice_status (*verdict)(void *ctx, sluice_bytes json);
  /* Says why the task fails: {"code": "bad_data", "message": "…", "hints": ["…"], "retryable": false}. */
  void (*fail)(void *ctx, sluice_bytes json);
} sluice_host;

/* One kind. */
typedef struct sluice_kind {
  /* What the kind says of itself, as JSON: {"name": "acme.clip", "version": "1", "summary": "…", "doc": "…", "params": {JSON Schema},
   * "ports": {"inputs": [{"name", "type", "doc", "optional"}], "outputs": […]}, "effect": "pure"}. Its name begins with the plugin's
   * name and a dot. Left empty when `describe` is given. */
  sluice_bytes manifest;
  /* Gives the manifest when it has to be computed; may be NULL. On SLUICE_PANICKED the answer is the message. */
  sluice_status (*describe)(sluice_sink manifest, void *user);
  /* Does the work. `attempt` is a JSON object: "params", "run" (ids and names), "inputs" (by port), "base_dir", "env", "secret_names". */
  sluice_status (*run)(const sluice_host *host, void *ctx, sluice_bytes attempt);
  /* Answers what is asked before a run, as docs/plugin-guide.md describes; may be NULL. `about` is "check", "schema", "ports",
   * "files", "references" or "probe". SLUICE_UNSUPPORTED for what it does not know; on failure the answer is the message. */
  sluice_status (*ask)(sluice_bytes about, sluice_bytes request, sluice_sink answer, void *user);
} sluice_kind;

/* The plugin. */
typedef struct sluice_plugin {
  uint32_t magic; /* SLUICE_MAGIC */
  uint16_t abi_major;
  uint16_t abi_minor;
  uint32_t size;          /* sizeof(struct sluice_plugin) in the plugin */
  uint32_t kind_stride;   /* sizeof(struct sluice_kind) in the plugin */
  uint32_t min_host_size; /* the smallest sluice_host that the plugin can work with */
  uint32_t n_kinds;
  const sluice_kind *kinds;
  sluice_bytes name;    /* "acme": letters a to z, digits, `_` and `-`, beginning with a letter */
  sluice_bytes version; /* the plugin's own, such as "0.3.1" */
  sluice_bytes build;   /* how it was built, for people; may be empty */
} sluice_plugin;

/* The only function that a plugin exports. The major version is in its name. */
SLUICE_EXPORT const sluice_plugin *sluice_plugin_v1(void);

/* True when the other side's table has a field. */
#define SLUICE_HAS(table, field) \
  (offsetof(sluice_host, field) + sizeof((table)->field) <= (table)->size)

/* A string literal as sluice_bytes: in an initializer, and in an expression. */
#define SLUICE_STR_INIT(literal) {(const uint8_t *)(literal), sizeof(literal) - 1}

#ifndef SLUICE_NO_HELPERS
#include <stdlib.h>
#include <string.h>

/* A zero-terminated text as sluice_bytes. */
static inline sluice_bytes sluice_str(const char *text) {
  sluice_bytes bytes;
  bytes.ptr = (const uint8_t *)text;
  bytes.len = strlen(text);
  return bytes;
}

/* A sink that keeps a zero-terminated copy: `char *text = NULL; …(…, sluice_keep, &text); … free(text);` */
static inline void sluice_keep(void *user, sluice_bytes bytes) {
  char **slot = (char **)user;
  char *copy = (char *)malloc(bytes.len + 1);
  if (copy != NULL) {
    if (bytes.len > 0) memcpy(copy, bytes.ptr, bytes.len);
    copy[bytes.len] = '\0';
  }
  free(*slot);
  *slot = copy;
}

/* A parameter that is a number, or `fallback` when it is absent. */
static inline double sluice_number(const sluice_host *host, void *ctx, const char *pointer, double fallback) {
  char *json = NULL;
  double value = fallback;
  if (host->param(ctx, sluice_str(pointer), sluice_keep, &json) == SLUICE_OK && json != NULL) value = strtod(json, NULL);
  free(json);
  return value;
}

/* Fails the task with a code and a message, neither of which needs escaping in JSON. */
static inline sluice_status sluice_fail(const sluice_host *host, void *ctx, const char *code, const char *message) {
  const char *parts[] = {"{\"code\":\"", code, "\",\"message\":\"", message, "\",\"retryable\":false}"};
  size_t n_bytes = 1, i;
  char *json;
  for (i = 0; i < 5; i++) n_bytes += strlen(parts[i]);
  json = (char *)malloc(n_bytes);
  if (json == NULL) return SLUICE_FAILED;
  json[0] = '\0';
  for (i = 0; i < 5; i++) strcat(json, parts[i]);
  host->fail(ctx, sluice_str(json));
  free(json);
  return SLUICE_FAILED;
}
#endif

/* The layout is the contract; on 64-bit machines it is this. */
#if defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L && UINTPTR_MAX == 0xFFFFFFFFFFFFFFFFu
_Static_assert(sizeof(sluice_bytes) == 16, "sluice_bytes");
_Static_assert(sizeof(sluice_kind) == 40, "sluice_kind");
_Static_assert(offsetof(sluice_kind, ask) == 32, "sluice_kind.ask");
_Static_assert(sizeof(sluice_plugin) == 80, "sluice_plugin");
_Static_assert(offsetof(sluice_plugin, build) == 64, "sluice_plugin.build");
_Static_assert(sizeof(sluice_host) == 128, "sluice_host");
_Static_assert(offsetof(sluice_host, fail) == 120, "sluice_host.fail");
#endif

#ifdef __cplusplus
}
#endif
#endif
