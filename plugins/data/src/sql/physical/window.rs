//! Functions over windows of rows.

use std::sync::Arc;

use datafusion_common::{DFSchema, Result, plan_err};
use datafusion_expr::{Expr, Window, WindowFrame, WindowFrameBound, expr::NullTreatment};
use datafusion_physical_expr::{create_physical_exprs, create_physical_sort_exprs};
use datafusion_physical_plan::{
    InputOrderMode, WindowExpr,
    windows::{BoundedWindowAggExec, WindowAggExec, create_window_expr},
};

use super::{Operator, Planner};

impl Planner {
    pub(super) fn window(&self, window: &Window) -> Result<Operator> {
        let input = self.node(&window.input)?;
        let schema = window.input.schema();
        let functions = window.window_expr.iter().map(|expression| self.window_function(expression, schema));
        let functions = functions.collect::<Result<Vec<_>>>()?;
        Ok(if functions.iter().all(|function| function.uses_bounded_memory()) {
            Arc::new(BoundedWindowAggExec::try_new(functions, input, InputOrderMode::Sorted, false)?)
        } else {
            Arc::new(WindowAggExec::try_new(functions, input, false)?)
        })
    }

    fn window_function(&self, expression: &Expr, schema: &DFSchema) -> Result<Arc<dyn WindowExpr>> {
        let (name, expression) = match expression {
            Expr::Alias(alias) => (alias.name.clone(), alias.expr.as_ref().clone().unalias_nested().data),
            other => (other.schema_name().to_string(), other.clone()),
        };
        let Expr::WindowFunction(function) = expression else {
            return plan_err!("`{name}` is no window function");
        };
        let params = function.params;
        if !in_order(&params.window_frame) {
            return plan_err!("the frame of `{name}` ends before it starts");
        }
        let (properties, context) = (&self.properties, &self.context);
        let filter = params.filter.as_ref().map(|filter| self.expression(filter, schema)).transpose()?;
        create_window_expr(
            &function.fun,
            name,
            &create_physical_exprs(&params.args, schema, properties, context)?,
            &create_physical_exprs(&params.partition_by, schema, properties, context)?,
            &create_physical_sort_exprs(&params.order_by, schema, properties, context)?,
            Arc::new(params.window_frame),
            schema.inner().clone(),
            params.null_treatment == Some(NullTreatment::IgnoreNulls),
            params.distinct,
            filter,
        )
    }
}

/// Whether a frame does not end before it starts.
fn in_order(frame: &WindowFrame) -> bool {
    use WindowFrameBound::{CurrentRow, Following, Preceding};
    match (&frame.start_bound, &frame.end_bound) {
        (Following(_), Preceding(_) | CurrentRow) | (CurrentRow, Preceding(_)) => false,
        // A bound that is null has no end.
        (Preceding(start), Preceding(end)) => !end.is_null() && (start.is_null() || start >= end),
        (Following(start), Following(end)) => !start.is_null() && (end.is_null() || start <= end),
        _ => true,
    }
}
