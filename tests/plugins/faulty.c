/* A plugin with every fault that a host must survive, one kind each. Built by the tests, with -D flags for faults of the tables. */
#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "sluicegate.h"

#ifndef NAME
#define NAME "faulty"
#endif

static void sleep_ms(long ms) {
  struct timespec t = {ms / 1000, (ms % 1000) * 1000000L};
  nanosleep(&t, NULL);
}

/* An address that no page has, and that no compiler knows. */
static volatile uintptr_t nowhere = 8;

/* The control: it does nothing, and does it well. */
static sluice_status run_good(const sluice_host *host, void *ctx, sluice_bytes attempt) {
  (void)attempt;
  host->log(ctx, SLUICE_INFO, sluice_str("all is well"));
  host->metric(ctx, sluice_str("answer"), 42.0);
  return host->output_value(ctx, sluice_str("out"), sluice_str("42"));
}

static sluice_status run_nothing(const sluice_host *host, void *ctx, sluice_bytes attempt) {
  (void)host, (void)ctx, (void)attempt;
  return SLUICE_OK;
}

static sluice_status run_segfault(const sluice_host *host, void *ctx, sluice_bytes attempt) {
  (void)host, (void)ctx, (void)attempt;
  *(volatile int *)nowhere = 1;
  return SLUICE_OK;
}

static sluice_status run_abort(const sluice_host *host, void *ctx, sluice_bytes attempt) {
  (void)host, (void)ctx, (void)attempt;
  fprintf(stderr, "free(): invalid pointer\n");
  abort();
}

static sluice_status run_exit(const sluice_host *host, void *ctx, sluice_bytes attempt) {
  (void)host, (void)ctx, (void)attempt;
  exit(0);
}

static sluice_status run_loop(const sluice_host *host, void *ctx, sluice_bytes attempt) {
  (void)host, (void)ctx, (void)attempt;
  for (;;) sleep_ms(10);
}

/* Takes memory until there is none, 8 MiB at a time, and touches it. */
static sluice_status run_leak(const sluice_host *host, void *ctx, sluice_bytes attempt) {
  (void)host, (void)ctx, (void)attempt;
  for (;;) {
    char *piece = malloc(8 << 20);
    size_t at;
    if (piece == NULL) return sluice_fail(host, ctx, "no_memory", "malloc returned null");
    for (at = 0; at < (8 << 20); at += 4096) piece[at] = 1;
  }
}

/* Writes garbage to whatever is open: one of it is the worker's channel. */
static sluice_status run_garbage(const sluice_host *host, void *ctx, sluice_bytes attempt) {
  int fd;
  (void)host, (void)ctx, (void)attempt;
  printf("printing is harmless\n");
  fflush(stdout);
  for (fd = 3; fd < 64; fd++) (void)!write(fd, "\x01 this is no message\n", 22);
  return SLUICE_OK;
}

static sluice_status run_escape(const sluice_host *host, void *ctx, sluice_bytes attempt) {
  char *path = NULL;
  FILE *file;
  (void)attempt;
  host->param(ctx, sluice_str("/path"), sluice_keep, &path);
  path[strlen(path) - 1] = '\0'; /* it is a JSON text */
  file = fopen(path + 1, "w");
  free(path);
  if (file == NULL) return sluice_fail(host, ctx, "no_file", "cannot write there: Permission denied");
  fputs("gotcha", file);
  fclose(file);
  return SLUICE_OK;
}

/* Names an output so that its file would be elsewhere. */
static sluice_status run_climb(const sluice_host *host, void *ctx, sluice_bytes attempt) {
  (void)attempt;
  host->output_value(ctx, sluice_str("../../../climbed"), sluice_str("1"));
  return SLUICE_OK; /* and does not look at what the host says */
}

static sluice_status run_huge(const sluice_host *host, void *ctx, sluice_bytes attempt) {
  size_t n_bytes = 300 * 1024, i;
  char *json = malloc(n_bytes + 1);
  sluice_status status;
  (void)attempt;
  for (i = 0; i < n_bytes; i++) json[i] = 'x';
  json[0] = json[n_bytes - 1] = '"';
  json[n_bytes] = '\0';
  status = host->output_value(ctx, sluice_str("out"), sluice_str(json));
  free(json);
  return status;
}

static sluice_status run_silent(const sluice_host *host, void *ctx, sluice_bytes attempt) {
  (void)host, (void)ctx, (void)attempt;
  return SLUICE_FAILED;
}

static sluice_status run_nonsense(const sluice_host *host, void *ctx, sluice_bytes attempt) {
  (void)host, (void)ctx, (void)attempt;
  return 77;
}

/* A stream whose batches are not what its schema says. `how`: 0 lengths, 1 null buffer, 2 no functions, 3 an error. */
static int stream_how, n_calls;

static void release_schema(struct ArrowSchema *schema) { schema->release = NULL; }
static void release_array(struct ArrowArray *array) { array->release = NULL; }
static void release_stream(struct ArrowArrayStream *stream) { stream->release = NULL; }

static int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
  static struct ArrowSchema column, *columns[1] = {&column};
  (void)stream;
  memset(&column, 0, sizeof column);
  column.format = "u";
  column.name = "text";
  column.release = release_schema;
  memset(out, 0, sizeof *out);
  out->format = "+s";
  out->name = "";
  out->n_children = 1;
  out->children = columns;
  out->release = release_schema;
  return 0;
}

static int get_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
  static struct ArrowArray column, *columns[1] = {&column};
  static const int32_t offsets[4] = {0, 5, -7, 900000}; /* offsets of three texts in a buffer of five bytes */
  static const char *texts = "hello";
  static const void *buffers[3], *none[1] = {NULL};
  (void)stream;
  memset(out, 0, sizeof *out);
  if (stream_how == 3) return EIO;
  if (n_calls++ > 0) return 0;
  buffers[0] = NULL;
  buffers[1] = stream_how == 1 ? NULL : (const void *)offsets;
  buffers[2] = texts;
  memset(&column, 0, sizeof column);
  column.length = 3;
  column.n_buffers = 3;
  column.buffers = buffers;
  column.release = release_array;
  out->length = 3;
  out->n_buffers = 1;
  out->buffers = none;
  out->n_children = 1;
  out->children = columns;
  out->release = release_array;
  return 0;
}

static const char *get_last_error(struct ArrowArrayStream *stream) {
  (void)stream;
  return "the source ran dry";
}

static sluice_status run_stream(const sluice_host *host, void *ctx, sluice_bytes attempt) {
  struct ArrowArrayStream stream = {get_schema, get_next, get_last_error, release_stream, NULL};
  (void)attempt;
  n_calls = 0;
  stream_how = (int)sluice_number(host, ctx, "/how", 0);
  if (stream_how == 2) stream.get_next = NULL;
  return host->output_table(ctx, sluice_str("table"), &stream);
}

/* Takes every batch of a table, and gives nothing. */
static sluice_status run_reads(const sluice_host *host, void *ctx, sluice_bytes attempt) {
  struct ArrowArrayStream stream;
  struct ArrowArray array;
  (void)attempt;
  if (host->input_table(ctx, sluice_str("table"), &stream) != SLUICE_OK) return SLUICE_FAILED;
  for (;;) {
    if (stream.get_next(&stream, &array) != 0) break;
    if (array.release == NULL) break;
    array.release(&array);
  }
  stream.release(&stream);
  return SLUICE_OK;
}

/* Hands a table on as it is. */
static sluice_status run_moves(const sluice_host *host, void *ctx, sluice_bytes attempt) {
  struct ArrowArrayStream stream;
  (void)attempt;
  if (host->input_table(ctx, sluice_str("table"), &stream) != SLUICE_OK) return SLUICE_FAILED;
  return host->output_table(ctx, sluice_str("table"), &stream);
}

/* Runs until it is told to stop, and obeys. */
static sluice_status run_patient(const sluice_host *host, void *ctx, sluice_bytes attempt) {
  (void)attempt;
  while (!host->cancelled(ctx)) sleep_ms(2);
  return SLUICE_CANCELLED;
}

static sluice_status describe_panic(sluice_sink sink, void *user) {
  sink(user, sluice_str("index out of bounds"));
  return SLUICE_PANICKED;
}

static sluice_status describe_crash(sluice_sink sink, void *user) {
  (void)sink, (void)user;
  *(volatile int *)nowhere = 1;
  return SLUICE_OK;
}

static sluice_status describe_slow(sluice_sink sink, void *user) {
  (void)sink, (void)user;
  for (;;) sleep_ms(1000);
}

static sluice_status describe_huge(sluice_sink sink, void *user) {
  size_t n_bytes = 2 << 20;
  char *text = calloc(n_bytes, 1);
  sluice_bytes bytes = {(const uint8_t *)text, n_bytes};
  sink(user, bytes);
  free(text);
  return SLUICE_OK;
}

#define MANIFEST(kind, effect, params, outputs)                                                       \
  SLUICE_STR_INIT("{\"name\":\"" NAME "." kind "\",\"version\":\"1\",\"summary\":\"Faulty: " kind ".\"," \
                  "\"effect\":\"" effect "\",\"params\":{\"type\":\"object\",\"additionalProperties\":false," \
                  "\"properties\":{" params "}},\"ports\":{\"inputs\":[],\"outputs\":[" outputs "]}}")
#define OUT "{\"name\":\"out\",\"type\":\"value\",\"doc\":\"\",\"optional\":true}"
#define TABLE "{\"name\":\"table\",\"type\":\"table\",\"doc\":\"\"}"
#define PATH "\"path\":{\"type\":\"string\"}"
#define HOW "\"how\":{\"type\":\"integer\"}"

#ifdef SHORT_KINDS /* tables of an older minor version: no `ask` */
typedef struct {
  sluice_bytes manifest;
  sluice_status (*describe)(sluice_sink, void *);
  sluice_status (*run)(const sluice_host *, void *, sluice_bytes);
} kind_table;
#elif defined(LONG_KINDS) /* tables of a later minor version */
typedef struct {
  sluice_bytes manifest;
  sluice_status (*describe)(sluice_sink, void *);
  sluice_status (*run)(const sluice_host *, void *, sluice_bytes);
  sluice_status (*ask)(sluice_bytes, sluice_bytes, sluice_sink, void *);
  void *later[3];
} kind_table;
#else
typedef sluice_kind kind_table;
#endif

#if defined(SHORT_KINDS)
#define KIND(kind, effect, params, outputs, function) {MANIFEST(kind, effect, params, outputs), NULL, function}
#else
#define KIND(kind, effect, params, outputs, function) {MANIFEST(kind, effect, params, outputs), NULL, function, NULL}
#endif

#define TABLE_KIND(kind, outputs, function)                                                                        \
  {SLUICE_STR_INIT("{\"name\":\"" NAME "." kind "\",\"version\":\"1\",\"summary\":\"Tables: " kind ".\","                \
                   "\"effect\":\"pure\",\"ports\":{\"inputs\":[" TABLE "],\"outputs\":[" outputs "]}}"),                \
   NULL, function, NULL}

static const kind_table KINDS[] = {
    KIND("good", "pure", "", OUT, run_good),
    KIND("nothing", "idempotent", "", "", run_nothing),
#if !defined(SHORT_KINDS) && !defined(LONG_KINDS)
    KIND("segfault", "pure", "", "", run_segfault),
    KIND("abort", "pure", "", "", run_abort),
    KIND("exit", "pure", "", "", run_exit),
    KIND("loop", "pure", "", "", run_loop),
    KIND("leak", "pure", "", "", run_leak),
    KIND("garbage", "pure", "", "", run_garbage),
    KIND("escape", "pure", PATH, "", run_escape),
    KIND("climb", "pure", "", "", run_climb),
    KIND("huge", "pure", "", OUT, run_huge),
    KIND("silent", "pure", "", "", run_silent),
    KIND("nonsense", "pure", "", "", run_nonsense),
    KIND("stream", "pure", HOW, TABLE, run_stream),
    KIND("patient", "pure", "", "", run_patient),
    KIND("lazy", "pure", "", TABLE, run_nothing),
    KIND("pure", "pure", "", "", run_nothing),
    TABLE_KIND("reads", "", run_reads),
    TABLE_KIND("moves", TABLE, run_moves),
#endif
#ifdef DESCRIBE
    {{NULL, 0}, DESCRIBE, run_good, NULL},
#endif
#ifdef TWICE
    KIND("good", "pure", "", "", run_good),
#endif
#ifdef BAD_MANIFEST
    {SLUICE_STR_INIT(BAD_MANIFEST), NULL, run_good, NULL},
#endif
#ifdef NO_RUN
    {SLUICE_STR_INIT("{}"), NULL, NULL, NULL},
#endif
};

#ifndef MAGIC
#define MAGIC SLUICE_MAGIC
#endif
#ifndef MAJOR
#define MAJOR SLUICE_ABI_MAJOR
#endif
#ifndef SIZE
#define SIZE sizeof(sluice_plugin)
#endif
#ifndef STRIDE
#define STRIDE sizeof(kind_table)
#endif
#ifndef HOST_SIZE
#define HOST_SIZE sizeof(sluice_host)
#endif
#ifndef SYMBOL
#define SYMBOL sluice_plugin_v1
#endif

static const sluice_plugin PLUGIN = {
    MAGIC, MAJOR, SLUICE_ABI_MINOR, SIZE, STRIDE, HOST_SIZE, sizeof KINDS / sizeof KINDS[0],
    (const sluice_kind *)KINDS, SLUICE_STR_INIT(NAME), SLUICE_STR_INIT("0.1.0"), SLUICE_STR_INIT("C"),
};

SLUICE_EXPORT const sluice_plugin *SYMBOL(void);
SLUICE_EXPORT const sluice_plugin *SYMBOL(void) { return &PLUGIN; }

