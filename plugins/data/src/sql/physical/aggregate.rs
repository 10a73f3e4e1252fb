//! GROUP BY, with its grouping sets.

use std::sync::Arc;

use datafusion_common::{DFSchema, Result, ScalarValue};
use datafusion_expr::{Aggregate, Expr, GroupingSet, expr::physical_name, utils::powerset};
use datafusion_physical_expr::{PhysicalExpr, aggregate::LoweredAggregateBuilder, expressions::Literal};
use datafusion_physical_plan::aggregates::{AggregateExec, AggregateMode, PhysicalGroupBy};

use super::{Operator, Planner};

/// An expression with the name of its column.
type Named = (Arc<dyn PhysicalExpr>, String);

impl Planner {
    pub(super) fn aggregate(&self, aggregate: &Aggregate) -> Result<Operator> {
        let input = self.node(&aggregate.input)?;
        let schema = aggregate.input.schema();
        let rows = input.schema();
        let groups = self.groups(&aggregate.group_expr, schema)?;
        let mut functions = Vec::with_capacity(aggregate.aggr_expr.len());
        let mut filters = Vec::with_capacity(aggregate.aggr_expr.len());
        for expression in &aggregate.aggr_expr {
            let lowered =
                LoweredAggregateBuilder::new(expression, schema, &rows, &self.properties, &self.context)
                    .build()?;
            functions.push(lowered.aggregate);
            filters.push(lowered.filter);
        }
        let mode = AggregateMode::Single;
        Ok(Arc::new(AggregateExec::try_new(mode, groups, functions, filters, input, rows)?))
    }

    fn groups(&self, expressions: &[Expr], schema: &DFSchema) -> Result<PhysicalGroupBy> {
        let [Expr::GroupingSet(sets)] = expressions else {
            let groups = self.named(expressions.iter(), schema)?;
            return Ok(PhysicalGroupBy::new_single(groups));
        };
        let sets: Vec<Vec<&Expr>> = match sets {
            GroupingSet::GroupingSets(sets) => sets.iter().map(|set| set.iter().collect()).collect(),
            GroupingSet::Cube(all) => powerset(all)?,
            GroupingSet::Rollup(all) => (0..=all.len()).map(|n| all[..n].iter().collect()).collect(),
        };
        let mut all: Vec<&Expr> = Vec::new();
        for expression in sets.iter().flatten() {
            if !all.contains(expression) {
                all.push(expression);
            }
        }
        // For each set, the expressions that it leaves out.
        let left_out =
            sets.iter().map(|set| all.iter().map(|expression| !set.contains(expression)).collect());
        let groups = self.named(all.iter().copied(), schema)?;
        let missing = |(expression, name): &Named| {
            let nothing = ScalarValue::try_from(&expression.data_type(schema.as_arrow())?)?;
            Ok((Arc::new(Literal::new(nothing)) as Arc<dyn PhysicalExpr>, name.clone()))
        };
        let nulls = groups.iter().map(missing).collect::<Result<_>>()?;
        Ok(PhysicalGroupBy::new(groups, nulls, left_out.collect(), true))
    }

    fn named<'a>(
        &self,
        expressions: impl Iterator<Item = &'a Expr>,
        schema: &DFSchema,
    ) -> Result<Vec<Named>> {
        expressions
            .map(|expression| Ok((self.expression(expression, schema)?, physical_name(expression)?)))
            .collect()
    }
}
