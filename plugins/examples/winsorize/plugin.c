/* The plugin `winsorize`: values beyond two quantiles of their column become those quantiles (Dixon 1960, after Charles P. Winsor). */
#include <stdio.h>

#include "column.h"

/* A JSON text without its quotes, for texts that need no escaping. */
static char *unquoted(char *json) {
  size_t n = json != NULL ? strlen(json) : 0;
  if (n < 2 || json[0] != '"' || json[n - 1] != '"' || strchr(json, '\\') != NULL) return NULL;
  json[n - 1] = '\0';
  return json + 1;
}

static sluice_status clip_column(const sluice_host *host, void *ctx, batches *table, const char *name) {
  double lower = sluice_number(host, ctx, "/lower", 0.05), upper = sluice_number(host, ctx, "/upper", 0.95);
  double low = 0.0, high = 0.0;
  char text[512];
  int64_t column = batches_column(table, name), n_changed;
  int found;
  if (column < 0) {
    snprintf(text, sizeof text, "the table has no column of floating-point numbers `%.200s`", name);
    return sluice_fail(host, ctx, "missing_column", text);
  }
  found = batches_quantiles(table, column, lower, upper, &low, &high);
  if (found == 0) return SLUICE_OK; /* nothing is there, so nothing is far out */
  n_changed = found < 0 ? -1 : batches_clip(table, column, low, high);
  if (n_changed < 0) return sluice_fail(host, ctx, "out_of_memory", "no memory for the column");
  snprintf(text, sizeof text, "%.200s: %lld values outside %g to %g", name, (long long)n_changed, low, high);
  host->log(ctx, SLUICE_INFO, sluice_str(text));
  snprintf(text, sizeof text, "clipped[%.200s]", name);
  host->metric(ctx, sluice_str(text), (double)n_changed);
  return SLUICE_OK;
}

static sluice_status columns(const sluice_host *host, void *ctx, sluice_bytes attempt) {
  struct ArrowArrayStream stream;
  batches table;
  char *error = NULL, pointer[64];
  sluice_status status = SLUICE_OK;
  int i;
  (void)attempt;
  if (host->input_table(ctx, sluice_str("table"), &stream) != SLUICE_OK)
    return sluice_fail(host, ctx, "missing_input", "input `table` is not a table");
  if (batches_read(&table, &stream, &error) != 0) {
    status = sluice_fail(host, ctx, "bad_table", "input `table` cannot be read");
    free(error);
    return status;
  }
  for (i = 0; status == SLUICE_OK; i++) {
    char *json = NULL, *name;
    if (host->cancelled(ctx)) status = SLUICE_CANCELLED;
    snprintf(pointer, sizeof pointer, "/columns/%d", i);
    if (status != SLUICE_OK || host->param(ctx, sluice_str(pointer), sluice_keep, &json) != SLUICE_OK) break;
    name = unquoted(json);
    status = name != NULL ? clip_column(host, ctx, &table, name)
                          : sluice_fail(host, ctx, "bad_params", "a column's name must be a text without backslashes");
    free(json);
  }
  if (status == SLUICE_OK && batches_write(&table, &stream) == 0)
    return host->output_table(ctx, sluice_str("table"), &stream);
  batches_release(&table);
  return status;
}

static const char COLUMNS[] =
    "{\"name\": \"winsorize.columns\", \"version\": \"1\","
    " \"summary\": \"Replaces values beyond two quantiles of their column by those quantiles.\","
    " \"doc\": \"Quantiles interpolate linearly between order statistics, as numpy does by default. Missing values stay missing.\","
    " \"effect\": \"pure\", \"columns_from\": {\"table\": \"table\"}, \"column_params\": {\"columns\": \"table\"},"
    " \"params\": {\"type\": \"object\", \"additionalProperties\": false, \"required\": [\"columns\"], \"properties\": {"
    "   \"columns\": {\"type\": \"array\", \"minItems\": 1, \"items\": {\"type\": \"string\"},"
    "     \"description\": \"The columns, of floating-point numbers.\"},"
    "   \"lower\": {\"type\": \"number\", \"minimum\": 0, \"maximum\": 1, \"default\": 0.05,"
    "     \"description\": \"The quantile below which values are replaced.\"},"
    "   \"upper\": {\"type\": \"number\", \"minimum\": 0, \"maximum\": 1, \"default\": 0.95,"
    "     \"description\": \"The quantile above which values are replaced.\"}}},"
    " \"ports\": {"
    "   \"inputs\": [{\"name\": \"table\", \"type\": \"table\", \"doc\": \"the rows\"}],"
    "   \"outputs\": [{\"name\": \"table\", \"type\": \"table\", \"doc\": \"the rows, winsorized\"}]},"
    " \"errors\": [{\"code\": \"missing_column\", \"doc\": \"The table lacks a column, or it holds no floating-point numbers.\"}]}";

static const sluice_kind KINDS[] = {
    {{(const uint8_t *)COLUMNS, sizeof COLUMNS - 1}, NULL, columns, NULL},
};

static const sluice_plugin PLUGIN = {
    SLUICE_MAGIC,
    SLUICE_ABI_MAJOR,
    SLUICE_ABI_MINOR,
    sizeof(sluice_plugin),
    sizeof(sluice_kind),
    sizeof(sluice_host),
    sizeof KINDS / sizeof KINDS[0],
    KINDS,
    SLUICE_STR_INIT("winsorize"),
    SLUICE_STR_INIT("0.1.0"),
    SLUICE_STR_INIT("C"),
};

const sluice_plugin *sluice_plugin_v1(void) { return &PLUGIN; }
