#include "column.h"

#include <math.h>

static int is_present(const struct ArrowArray *column, int64_t row) {
  const uint8_t *valid = (const uint8_t *)column->buffers[0];
  int64_t at = row + column->offset;
  return column->null_count == 0 || valid == NULL || (valid[at / 8] >> (at % 8) & 1);
}

static const double *values_of(const struct ArrowArray *column) {
  return (const double *)column->buffers[1] + column->offset;
}

int batches_read(batches *table, struct ArrowArrayStream *stream, char **error) {
  const char *said;
  *error = NULL;
  memset(table, 0, sizeof *table);
  if (stream->get_schema(stream, &table->schema) != 0) goto failed;
  for (;;) {
    struct ArrowArray *more = realloc(table->arrays, sizeof *more * (size_t)(table->n_arrays + 1));
    if (more == NULL) goto failed;
    table->arrays = more;
    memset(&more[table->n_arrays], 0, sizeof *more);
    if (stream->get_next(stream, &more[table->n_arrays]) != 0) goto failed;
    if (more[table->n_arrays].release == NULL) break;
    table->n_arrays++;
  }
  stream->release(stream);
  return 0;
failed:
  said = stream->get_last_error(stream);
  if (said != NULL) sluice_keep(error, sluice_str(said));
  stream->release(stream);
  batches_release(table);
  return -1;
}

void batches_release(batches *table) {
  int64_t i;
  for (i = 0; i < table->n_arrays; i++)
    if (table->arrays[i].release != NULL) table->arrays[i].release(&table->arrays[i]);
  free(table->arrays);
  if (table->schema.release != NULL) table->schema.release(&table->schema);
  memset(table, 0, sizeof *table);
}

int64_t batches_column(const batches *table, const char *name) {
  int64_t i;
  for (i = 0; i < table->schema.n_children; i++) {
    const struct ArrowSchema *field = table->schema.children[i];
    if (strcmp(field->name, name) == 0) return strcmp(field->format, "g") == 0 ? i : -1;
  }
  return -1;
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double quantile(const double *sorted, int64_t n_values, double q) {
  double at = q * (double)(n_values - 1);
  int64_t below = (int64_t)floor(at);
  int64_t above = below + 1 < n_values ? below + 1 : below;
  return sorted[below] + (at - (double)below) * (sorted[above] - sorted[below]);
}

int batches_quantiles(const batches *table, int64_t column, double lower, double upper, double *low, double *high) {
  int64_t n_rows = 0, n_values = 0, i, row;
  double *sorted;
  for (i = 0; i < table->n_arrays; i++) n_rows += table->arrays[i].length;
  sorted = malloc(sizeof *sorted * (size_t)(n_rows > 0 ? n_rows : 1));
  if (sorted == NULL) return -1;
  for (i = 0; i < table->n_arrays; i++) {
    const struct ArrowArray *array = table->arrays[i].children[column];
    const double *values = values_of(array);
    for (row = 0; row < array->length; row++)
      if (is_present(array, row) && !isnan(values[row])) sorted[n_values++] = values[row];
  }
  if (n_values > 0) {
    qsort(sorted, (size_t)n_values, sizeof *sorted, by_value);
    *low = quantile(sorted, n_values, lower);
    *high = quantile(sorted, n_values, upper);
  }
  free(sorted);
  return n_values > 0;
}

/* A column of our own in place of the host's: it keeps the old one, whose validity it shares, and the new values. */
typedef struct own_column {
  struct ArrowArray before;
  const void *buffers[2];
  double *values;
} own_column;

static void release_own(struct ArrowArray *array) {
  own_column *own = (own_column *)array->private_data;
  if (own->before.release != NULL) own->before.release(&own->before);
  free(own->values);
  free(own);
  array->release = NULL;
}

int64_t batches_clip(batches *table, int64_t column, double low, double high) {
  int64_t n_changed = 0, i, row;
  for (i = 0; i < table->n_arrays; i++) {
    struct ArrowArray *array = table->arrays[i].children[column];
    const double *values = values_of(array);
    own_column *own = calloc(1, sizeof *own);
    /* The validity bits begin at the old offset, and so must the values. */
    double *copy = malloc(sizeof *copy * (size_t)(array->length + array->offset + 1));
    if (own == NULL || copy == NULL) {
      free(own);
      free(copy);
      return -1;
    }
    for (row = 0; row < array->length; row++) {
      double value = values[row], clipped = value < low ? low : value > high ? high : value;
      if (is_present(array, row) && clipped != value && !isnan(value)) n_changed++;
      copy[array->offset + row] = clipped;
    }
    own->before = *array;
    own->values = copy;
    own->buffers[0] = array->buffers[0];
    own->buffers[1] = copy;
    array->buffers = own->buffers;
    array->private_data = own;
    array->release = release_own;
  }
  return n_changed;
}

/* A stream over batches that were read before. */
typedef struct replay {
  batches table;
  int64_t next;
} replay;

static int copy_text(const char *text, char **out) {
  *out = NULL;
  if (text != NULL) sluice_keep(out, sluice_str(text));
  return text == NULL || *out != NULL ? 0 : -1;
}

static void release_schema_copy(struct ArrowSchema *schema) {
  int64_t i;
  for (i = 0; i < schema->n_children; i++) {
    if (schema->children[i]->release != NULL) schema->children[i]->release(schema->children[i]);
    free(schema->children[i]);
  }
  if (schema->dictionary != NULL) {
    if (schema->dictionary->release != NULL) schema->dictionary->release(schema->dictionary);
    free(schema->dictionary);
  }
  free(schema->children);
  free((char *)schema->format);
  free((char *)schema->name);
  schema->release = NULL;
}

/* A schema may be asked for several times, and each answer is released on its own. Metadata is left out. */
static int copy_schema(const struct ArrowSchema *from, struct ArrowSchema *to) {
  int64_t i;
  memset(to, 0, sizeof *to);
  to->release = release_schema_copy;
  to->flags = from->flags;
  if (copy_text(from->format, (char **)&to->format) != 0 || copy_text(from->name, (char **)&to->name) != 0) return -1;
  to->children = calloc((size_t)from->n_children + 1, sizeof *to->children);
  if (to->children == NULL) return -1;
  for (i = 0; i < from->n_children; i++) {
    to->children[i] = calloc(1, sizeof **to->children);
    if (to->children[i] == NULL) return -1;
    to->n_children = i + 1;
    if (copy_schema(from->children[i], to->children[i]) != 0) return -1;
  }
  if (from->dictionary != NULL) {
    to->dictionary = calloc(1, sizeof *to->dictionary);
    if (to->dictionary == NULL || copy_schema(from->dictionary, to->dictionary) != 0) return -1;
  }
  return 0;
}

static int replay_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
  const replay *own = (const replay *)stream->private_data;
  if (copy_schema(&own->table.schema, out) == 0) return 0;
  out->release(out);
  return 12; /* ENOMEM */
}

static int replay_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
  replay *own = (replay *)stream->private_data;
  memset(out, 0, sizeof *out);
  if (own->next < own->table.n_arrays) {
    *out = own->table.arrays[own->next];
    own->table.arrays[own->next++].release = NULL; /* moved */
  }
  return 0;
}

static const char *replay_error(struct ArrowArrayStream *stream) {
  (void)stream;
  return "out of memory";
}

static void replay_release(struct ArrowArrayStream *stream) {
  replay *own = (replay *)stream->private_data;
  batches_release(&own->table);
  free(own);
  stream->release = NULL;
}

int batches_write(batches *table, struct ArrowArrayStream *out) {
  replay *own = calloc(1, sizeof *own);
  if (own == NULL) return -1;
  own->table = *table;
  memset(table, 0, sizeof *table);
  out->get_schema = replay_schema;
  out->get_next = replay_next;
  out->get_last_error = replay_error;
  out->release = replay_release;
  out->private_data = own;
  return 0;
}
