//! The tables that a query reads: rows in memory, a series of integers, or the rows that the last round of a recursive
//! query made.

use std::{fmt, iter, sync::Arc};

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use datafusion_common::{Result, Statistics, internal_err, tree_node::TreeNodeRecursion};
use datafusion_execution::{SendableRecordBatchStream, TaskContext};
use datafusion_expr::TableSource;
use datafusion_physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion_physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties,
    common::compute_record_batch_statistics,
    execution_plan::{Boundedness, EmissionType},
    statistics::StatisticsArgs,
    stream::RecordBatchStreamAdapter,
    work_table::WorkTableExec,
};
use futures_util::stream;

/// How many values of a series a batch has.
const SERIES_BATCH: usize = 8192;

/// What a table name refers to.
#[derive(Clone, Debug)]
pub(super) enum Relation {
    /// Rows in memory.
    Rows { schema: SchemaRef, batches: Arc<Vec<RecordBatch>> },
    /// The column `value`, counted up or down.
    Series(Series),
    /// The rows of the last round of a recursive query.
    LastRound { name: String, schema: SchemaRef },
}

impl Relation {
    /// The plan that reads the given columns, all of them when none are given, and at most `fetch` rows.
    pub(super) fn scan(
        &self,
        columns: Option<&Vec<usize>>,
        fetch: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match self {
            Self::LastRound { name, schema } => {
                Ok(Arc::new(WorkTableExec::new(name.clone(), schema.clone(), columns.cloned())?))
            }
            Self::Rows { .. } | Self::Series(_) => {
                Ok(Arc::new(Scan::new(self.clone(), columns.cloned(), fetch)?))
            }
        }
    }
}

impl TableSource for Relation {
    fn schema(&self) -> SchemaRef {
        match self {
            Self::Rows { schema, .. } | Self::LastRound { schema, .. } => schema.clone(),
            Self::Series(_) => Series::schema(),
        }
    }
}

/// Integers from `start` on, `step` apart, until `end`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Series {
    pub(super) start: i64,
    pub(super) end: i64,
    /// Not zero.
    pub(super) step: i64,
    /// Whether `end` itself belongs to the series.
    pub(super) closed: bool,
}

impl Series {
    fn schema() -> SchemaRef {
        Arc::new(Schema::new(vec![Field::new("value", DataType::Int64, false)]))
    }

    /// The integers. The series ends before the first that is out of range.
    fn values(self) -> impl Iterator<Item = i64> + Send {
        let within = move |value: &i64| match self.step > 0 {
            _ if *value == self.end => self.closed,
            true => *value < self.end,
            false => *value > self.end,
        };
        iter::successors(Some(self.start), move |value| value.checked_add(self.step)).take_while(within)
    }

    fn batches(self) -> impl Iterator<Item = Result<RecordBatch>> + Send {
        let mut values = self.values();
        iter::from_fn(move || {
            let next: Int64Array = values.by_ref().take(SERIES_BATCH).collect();
            let next = (!next.is_empty()).then(|| Arc::new(next) as ArrayRef)?;
            Some(RecordBatch::try_new(Self::schema(), vec![next]).map_err(Into::into))
        })
    }
}

/// Reads a relation that is known before the query runs.
#[derive(Debug)]
struct Scan {
    relation: Relation,
    columns: Option<Vec<usize>>,
    fetch: Option<usize>,
    properties: Arc<PlanProperties>,
}

impl Scan {
    fn new(relation: Relation, columns: Option<Vec<usize>>, fetch: Option<usize>) -> Result<Self> {
        let schema = match &columns {
            Some(columns) => Arc::new(relation.schema().project(columns)?),
            None => relation.schema(),
        };
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Ok(Self { relation, columns, fetch, properties: Arc::new(properties) })
    }
}

impl DisplayAs for Scan {
    fn fmt_as(&self, _: DisplayFormatType, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str("Scan")
    }
}

impl ExecutionPlan for Scan {
    fn name(&self) -> &'static str {
        "Scan"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn execute(&self, _: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let batches: Box<dyn Iterator<Item = Result<RecordBatch>> + Send> = match &self.relation {
            Relation::Rows { batches, .. } => {
                let batches = batches.clone();
                Box::new((0..batches.len()).map(move |index| Ok(batches[index].clone())))
            }
            Relation::Series(series) => Box::new(series.batches()),
            Relation::LastRound { .. } => return internal_err!("the work table is read by its own operator"),
        };
        let columns = self.columns.clone();
        let batches = batches.map(move |batch| match &columns {
            Some(columns) => Ok(batch?.project(columns)?),
            None => batch,
        });
        let mut left = self.fetch.unwrap_or(usize::MAX);
        let limited = batches.map_while(move |batch| match batch {
            _ if left == 0 => None,
            Ok(batch) => {
                let rows = batch.num_rows().min(left);
                left -= rows;
                Some(Ok(batch.slice(0, rows)))
            }
            Err(error) => Some(Err(error)),
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), stream::iter(limited))))
    }

    fn statistics_from_inputs(&self, _: &[Arc<Statistics>], _: &StatisticsArgs) -> Result<Arc<Statistics>> {
        let statistics = match &self.relation {
            Relation::Rows { schema, batches } => {
                let all = [batches.as_ref().clone()];
                compute_record_batch_statistics(&all, schema, self.columns.clone())
            }
            Relation::Series(_) | Relation::LastRound { .. } => Statistics::new_unknown(&self.schema()),
        };
        statistics.with_fetch(self.fetch, 0, 1).map(Arc::new)
    }
}
