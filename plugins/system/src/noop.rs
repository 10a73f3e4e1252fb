//! The kind `noop`.

use schemars::JsonSchema;
use serde::Deserialize;
use sluicegate_plugin::{Context, Description, Effect, Placement, PortType, Task, TaskError};

/// Does nothing: a place where branches join.
pub struct Noop;

/// Parameters of `noop`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoopParams {
    /// A line to show behind the task.
    #[serde(default)]
    message: String,
}

const DOC: &str = r#"
A place where branches join, so that what comes next needs one task instead of many. It takes inputs of any type under any name
and has no outputs. It runs inside the orchestrator and leaves nothing on the disk but its events.

```toml
[tasks.ready]
uses  = "noop"
needs = ["train", "evaluate"]
with  = { message = "the model is there, and judged" }
```
"#;

impl Task for Noop {
    type Params = NoopParams;

    fn describe(&self) -> Description {
        Description::new("noop", "1", "Does nothing: a place where branches join.")
            .doc(DOC)
            // Looking it up in the cache would cost more than doing it again.
            .effect(Effect::Idempotent)
            .placement(Placement::Inline)
            .more_inputs(PortType::Any)
    }

    fn run(&self, ctx: &Context, params: NoopParams) -> Result<(), TaskError> {
        if !params.message.is_empty() {
            ctx.summary(params.message);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sluicegate_plugin::testing::Bench;

    use super::*;

    #[test]
    fn it_says_its_message_and_leaves_nothing_on_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let bench = Bench::new(folder.path());
        assert_eq!(bench.run(&Noop, json!({})).unwrap().summary, None);
        let finished = bench.run(&Noop, json!({ "message": "joined" })).unwrap();
        assert_eq!(finished.summary.as_deref(), Some("joined"));
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    }
}
