/* One column of floating-point numbers in an Arrow stream: its quantiles, and its winsorized copy. */
#ifndef COLUMN_H
#define COLUMN_H
#include <stdint.h>

#include "sluicegate.h"

/* All record batches of a table, in memory; they are the plugin's to release. */
typedef struct batches {
  struct ArrowSchema schema;
  struct ArrowArray *arrays;
  int64_t n_arrays;
} batches;

/* Takes a stream apart. 0 on success; on failure *error is what the stream says, which may be NULL. */
int batches_read(batches *table, struct ArrowArrayStream *stream, char **error);

/* A stream of the batches, which moves them out of *table. */
int batches_write(batches *table, struct ArrowArrayStream *out);

void batches_release(batches *table);

/* The index of a column of float64, or -1. */
int64_t batches_column(const batches *table, const char *name);

/* Quantiles with linear interpolation between order statistics (numpy's default, R's type 7) of the present values; 0 when there are none. */
int batches_quantiles(const batches *table, int64_t column, double lower, double upper, double *low, double *high);

/* Replaces what is below *low* or above *high* by them. Returns the number of values that changed, -1 without memory. */
int64_t batches_clip(batches *table, int64_t column, double low, double high);

#endif
