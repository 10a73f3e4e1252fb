//! Joins: by hash where columns are compared for equality, by trying every pair where they are not.

use std::sync::Arc;

use arrow_schema::Schema;
use datafusion_common::{DFSchema, JoinSide, JoinType, Result};
use datafusion_expr::{Expr, Join};
use datafusion_physical_plan::{
    joins::{
        CrossJoinExec, HashJoinExec, NestedLoopJoinExec, PartitionMode,
        utils::{ColumnIndex, JoinFilter},
    },
    statistics::{StatisticsArgs, StatisticsContext},
};

use super::{Operator, Planner};

impl Planner {
    /// The smaller side is held in memory, the other one runs past it.
    pub(super) fn join(&self, join: &Join) -> Result<Operator> {
        let (left, right) = (self.node(&join.left)?, self.node(&join.right)?);
        let swapped = join.join_type.supports_swap() && !join.null_aware && is_larger(&left, &right)?;
        let filter = join.filter.as_ref().map(|filter| self.join_filter(filter, join)).transpose()?;
        if !join.on.is_empty() {
            let key = |(left, right): &(Expr, Expr)| {
                let left = self.expression(left, join.left.schema())?;
                Ok((left, self.expression(right, join.right.schema())?))
            };
            let hash = HashJoinExec::try_new(
                left,
                right,
                join.on.iter().map(key).collect::<Result<_>>()?,
                filter,
                &join.join_type,
                None,
                PartitionMode::CollectLeft,
                join.null_equality,
                join.null_aware,
            )?;
            return if swapped { hash.swap_inputs(PartitionMode::CollectLeft) } else { Ok(Arc::new(hash)) };
        }
        if filter.is_none() && join.join_type == JoinType::Inner {
            let pairs = CrossJoinExec::new(left, right);
            return if swapped { pairs.swap_inputs() } else { Ok(Arc::new(pairs)) };
        }
        let pairs = NestedLoopJoinExec::try_new(left, right, filter, &join.join_type, None)?;
        if swapped { pairs.swap_inputs() } else { Ok(Arc::new(pairs)) }
    }

    /// What a pair of rows must fulfil beside its equal columns.
    fn join_filter(&self, filter: &Expr, join: &Join) -> Result<JoinFilter> {
        let used = filter.column_refs();
        let mut fields = Vec::new();
        let mut columns = Vec::new();
        for (side, schema) in [(JoinSide::Left, join.left.schema()), (JoinSide::Right, join.right.schema())] {
            let mut indexes: Vec<usize> =
                used.iter().filter_map(|column| schema.index_of_column(column).ok()).collect();
            indexes.sort_unstable();
            for index in indexes {
                let (qualifier, field) = schema.qualified_field(index);
                fields.push((qualifier.cloned(), field.clone()));
                columns.push(ColumnIndex { index, side });
            }
        }
        let rows = Schema::new(fields.iter().map(|(_, field)| field.clone()).collect::<Vec<_>>());
        let schema = DFSchema::new_with_metadata(fields, std::collections::HashMap::new())?;
        Ok(JoinFilter::new(self.expression(filter, &schema)?, columns, Arc::new(rows)))
    }
}

/// Whether the first one is known to have more to hold in memory.
fn is_larger(first: &Operator, second: &Operator) -> Result<bool> {
    let sizes = |operator: &Operator| {
        let known = StatisticsContext::new().compute(operator.as_ref(), &StatisticsArgs::new())?;
        Ok::<_, datafusion_common::DataFusionError>((
            known.total_byte_size.get_value().copied(),
            known.num_rows.get_value().copied(),
        ))
    };
    Ok(match (sizes(first)?, sizes(second)?) {
        ((Some(first), _), (Some(second), _)) => first > second,
        ((_, Some(first)), (_, Some(second))) => first > second,
        _ => false,
    })
}
