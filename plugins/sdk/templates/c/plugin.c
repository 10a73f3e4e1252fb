/* The plugin `{{name}}`. */
#include <stdio.h>

#include "sluicegate.h"

/* {{name}}.scale: multiplies a number. */
static sluice_status scale(const sluice_host *host, void *ctx, sluice_bytes attempt) {
  double factor = sluice_number(host, ctx, "/factor", 1.0);
  char *json = NULL, result[64];
  double number;
  (void)attempt; /* everything that is needed can be asked of the host */
  if (host->input_json(ctx, sluice_str("number"), sluice_keep, &json) != SLUICE_OK || json == NULL)
    return sluice_fail(host, ctx, "missing_input", "input `number` is not connected");
  number = strtod(json, NULL);
  free(json);
  host->metric(ctx, sluice_str("factor"), factor);
  host->log(ctx, SLUICE_INFO, sluice_str("scaled"));
  snprintf(result, sizeof result, "%.17g", number * factor);
  return host->output_value(ctx, sluice_str("number"), sluice_str(result));
}

static const char SCALE[] =
    "{\"name\": \"{{name}}.scale\", \"version\": \"1\", \"summary\": \"Multiplies a number.\", \"effect\": \"pure\","
    " \"params\": {\"type\": \"object\", \"additionalProperties\": false, \"required\": [\"factor\"], \"properties\": {"
    "   \"factor\": {\"type\": \"number\", \"description\": \"What to multiply by.\"}}},"
    " \"ports\": {"
    "   \"inputs\": [{\"name\": \"number\", \"type\": \"value\", \"doc\": \"a number\"}],"
    "   \"outputs\": [{\"name\": \"number\", \"type\": \"value\", \"doc\": \"the number, multiplied\"}]}}";

static const sluice_kind KINDS[] = {
    {{(const uint8_t *)SCALE, sizeof SCALE - 1}, NULL, scale, NULL},
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
    SLUICE_STR_INIT("{{name}}"),
    SLUICE_STR_INIT("0.1.0"),
    SLUICE_STR_INIT("C"),
};

const sluice_plugin *sluice_plugin_v1(void) { return &PLUGIN; }
