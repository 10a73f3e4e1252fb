//! From an optimized logical plan to one that runs: one partition, in memory, one operator for each node.
//!
//! DataFusion's own planner does the same for many threads, files and catalogs, and takes longer to compile than the
//! rest of the engine; a query over tables in memory needs none of it.

mod aggregate;
mod join;
mod window;

use std::{collections::HashMap, sync::Arc};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use datafusion_common::{
    DFSchema, Result, ScalarValue, internal_datafusion_err, not_impl_err,
    tree_node::{TreeNode, TreeNodeRecursion},
};
use datafusion_expr::{
    Expr, FetchType, Filter, Limit, LogicalPlan, Projection, SkipType, Sort, Subquery, TableScan, Unnest,
    Values,
    execution_props::ExecutionProps,
    expr::physical_name,
    physical_planning_context::{PhysicalPlanningContext, ScalarSubqueryResults, SubqueryIndex},
};
use datafusion_physical_expr::{LexOrdering, PhysicalExpr, create_physical_expr, create_physical_sort_exprs};
use datafusion_physical_plan::{
    ExecutionPlan, ExecutionPlanProperties,
    coalesce_partitions::CoalescePartitionsExec,
    empty::EmptyExec,
    execution_plan::replace_children_if_necessary,
    filter::FilterExec,
    limit::GlobalLimitExec,
    placeholder_row::PlaceholderRowExec,
    projection::{ProjectionExec, ProjectionExpr},
    recursive_query::RecursiveQueryExec,
    scalar_subquery::{ScalarSubqueryExec, ScalarSubqueryLink},
    sorts::sort::SortExec,
    union::UnionExec,
    unnest::{ListUnnest, UnnestExec},
};

use super::scan::Relation;

/// An operator with the operators that feed it.
type Operator = Arc<dyn ExecutionPlan>;

/// The operators that run a plan.
///
/// # Errors
///
/// Parts of SQL that the engine does not run, such as subqueries that no join can replace.
pub(super) fn operators(plan: &LogicalPlan) -> Result<Operator> {
    let subqueries = scalar_subqueries(plan)?;
    let results = ScalarSubqueryResults::new(subqueries.len());
    let mut indexes = HashMap::with_capacity(subqueries.len());
    let mut links = Vec::with_capacity(subqueries.len());
    for (index, subquery) in subqueries.into_iter().enumerate() {
        let index = SubqueryIndex::new(index);
        links.push(ScalarSubqueryLink { plan: operators(&subquery.subquery)?, index });
        indexes.insert(subquery, index);
    }
    let context = PhysicalPlanningContext::new(indexes.into_iter().collect(), results.clone());
    let planner = Planner { properties: ExecutionProps::new(), context };
    let main = planner.node(plan)?;
    Ok(if links.is_empty() { main } else { Arc::new(ScalarSubqueryExec::new(main, links, results)) })
}

/// The subqueries of this level that stand for one value, and refer to nothing outside of them.
fn scalar_subqueries(plan: &LogicalPlan) -> Result<Vec<Subquery>> {
    let mut found: Vec<Subquery> = Vec::new();
    plan.apply(|node| {
        for expression in node.expressions() {
            expression.apply(|inner| {
                if let Expr::ScalarSubquery(subquery) = inner
                    && subquery.outer_ref_columns.is_empty()
                    && !found.contains(subquery)
                {
                    found.push(subquery.clone());
                }
                Ok(TreeNodeRecursion::Continue)
            })?;
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}

/// Plans the nodes of one level.
struct Planner {
    properties: ExecutionProps,
    context: PhysicalPlanningContext,
}

impl Planner {
    fn node(&self, plan: &LogicalPlan) -> Result<Operator> {
        let operator = match plan {
            LogicalPlan::TableScan(scan) => table_scan(scan)?,
            LogicalPlan::Values(values) => self.values(values)?,
            LogicalPlan::EmptyRelation(empty) if empty.produce_one_row => {
                Arc::new(PlaceholderRowExec::new(empty.schema.inner().clone()))
            }
            LogicalPlan::EmptyRelation(empty) => Arc::new(EmptyExec::new(empty.schema.inner().clone())),
            LogicalPlan::SubqueryAlias(alias) => self.node(&alias.input)?,
            LogicalPlan::Projection(projection) => self.projection(projection)?,
            LogicalPlan::Filter(filter) => self.filter(filter)?,
            LogicalPlan::Sort(sort) => self.sort(sort)?,
            LogicalPlan::Limit(limit) => self.limit(limit)?,
            LogicalPlan::Unnest(unnest) => self.unnest(unnest)?,
            LogicalPlan::Aggregate(aggregate) => self.aggregate(aggregate)?,
            LogicalPlan::Window(window) => self.window(window)?,
            LogicalPlan::Join(join) => self.join(join)?,
            LogicalPlan::Union(union) => {
                let parts = union.inputs.iter().map(|input| self.node(input)).collect::<Result<_>>()?;
                one_partition(UnionExec::try_new(parts)?)
            }
            LogicalPlan::RecursiveQuery(query) => Arc::new(RecursiveQueryExec::try_new(
                query.name.clone(),
                query.schema.inner().clone(),
                self.node(&query.static_term)?,
                self.node(&query.recursive_term)?,
                query.is_distinct,
            )?),
            LogicalPlan::Subquery(_) => {
                return not_impl_err!("this kind of correlated subquery; write it as a join");
            }
            other => return not_impl_err!("`{}` inside a query", other.display()),
        };
        ordered_inputs(operator)
    }

    /// What an expression over rows of this schema computes.
    fn expression(&self, expression: &Expr, schema: &DFSchema) -> Result<Arc<dyn PhysicalExpr>> {
        create_physical_expr(expression, schema, &self.properties, &self.context)
    }

    fn values(&self, values: &Values) -> Result<Operator> {
        let schema = values.schema.inner();
        let row = one_row()?;
        let mut columns = vec![Vec::with_capacity(values.values.len()); schema.fields().len()];
        for expressions in &values.values {
            for (column, expression) in columns.iter_mut().zip(expressions) {
                let value = self.expression(expression, &values.schema)?.evaluate(&row)?;
                column.push(ScalarValue::try_from_array(&*value.into_array(1)?, 0)?);
            }
        }
        let column = |(values, field): (Vec<ScalarValue>, &Arc<arrow_schema::Field>)| {
            let values = values.into_iter().map(|value| value.cast_to(field.data_type()));
            ScalarValue::iter_to_array(values.collect::<Result<Vec<_>>>()?)
        };
        let columns = columns.into_iter().zip(schema.fields()).map(column).collect::<Result<_>>()?;
        let batch = RecordBatch::try_new(schema.clone(), columns)?;
        Relation::Rows { schema: schema.clone(), batches: Arc::new(vec![batch]) }.scan(None, None)
    }

    fn projection(&self, projection: &Projection) -> Result<Operator> {
        let input = self.node(&projection.input)?;
        let schema = projection.input.schema();
        let column = |expression: &Expr| {
            // A column keeps the name that it has in the input, where it can be one that an expression was given.
            let known = match expression {
                Expr::Column(column) => schema.index_of_column(column).ok(),
                _ => None,
            };
            let alias = match known {
                Some(index) => input.schema().field(index).name().clone(),
                None => physical_name(expression)?,
            };
            Ok(ProjectionExpr { expr: self.expression(expression, schema)?, alias })
        };
        let columns = projection.expr.iter().map(column).collect::<Result<Vec<_>>>()?;
        Ok(Arc::new(ProjectionExec::try_new(columns, input)?))
    }

    fn filter(&self, filter: &Filter) -> Result<Operator> {
        let predicate = self.expression(&filter.predicate, filter.input.schema())?;
        Ok(Arc::new(FilterExec::try_new(predicate, self.node(&filter.input)?)?))
    }

    fn sort(&self, sort: &Sort) -> Result<Operator> {
        let schema = sort.input.schema();
        let keys = create_physical_sort_exprs(&sort.expr, schema, &self.properties, &self.context)?;
        let order = LexOrdering::new(keys).ok_or_else(|| internal_datafusion_err!("a sort without a key"))?;
        Ok(Arc::new(SortExec::new(order, self.node(&sort.input)?).with_fetch(sort.fetch)))
    }

    fn limit(&self, limit: &Limit) -> Result<Operator> {
        let SkipType::Literal(skip) = limit.get_skip_type()? else {
            return not_impl_err!("an OFFSET that is not a constant");
        };
        let FetchType::Literal(fetch) = limit.get_fetch_type()? else {
            return not_impl_err!("a LIMIT that is not a constant");
        };
        Ok(Arc::new(GlobalLimitExec::new(self.node(&limit.input)?, skip, fetch)))
    }

    fn unnest(&self, unnest: &Unnest) -> Result<Operator> {
        let lists = unnest
            .list_type_columns
            .iter()
            .map(|(index, column)| ListUnnest { index_in_input_schema: *index, depth: column.depth });
        Ok(Arc::new(UnnestExec::new(
            self.node(&unnest.input)?,
            lists.collect(),
            unnest.struct_type_columns.clone(),
            unnest.schema.inner().clone(),
            unnest.options.clone(),
        )?))
    }
}

fn table_scan(scan: &TableScan) -> Result<Operator> {
    let relation = scan.source.downcast_ref::<Relation>();
    let relation =
        relation.ok_or_else(|| internal_datafusion_err!("the table `{}` has no rows", scan.table_name))?;
    relation.scan(scan.projection.as_ref(), scan.fetch)
}

/// The same rows in one partition, those of the first partition first.
fn one_partition(operator: Operator) -> Operator {
    match operator.output_partitioning().partition_count() {
        0 | 1 => operator,
        _ => Arc::new(CoalescePartitionsExec::new(operator)),
    }
}

/// The operator, with inputs sorted as it needs them.
fn ordered_inputs(operator: Operator) -> Result<Operator> {
    let wanted = operator.required_input_ordering();
    let mut inputs = Vec::with_capacity(wanted.len());
    for (input, wanted) in operator.children().into_iter().zip(wanted) {
        let Some(wanted) = wanted else {
            inputs.push(input.clone());
            continue;
        };
        let wanted = wanted.into_single();
        if input.equivalence_properties().ordering_satisfy_requirement(wanted.iter().cloned())? {
            inputs.push(input.clone());
        } else {
            inputs.push(Arc::new(SortExec::new(wanted.into(), input.clone())));
        }
    }
    replace_children_if_necessary(operator, inputs)
}

/// One row without columns, for expressions that need none.
fn one_row() -> Result<RecordBatch> {
    let rows = arrow_array::RecordBatchOptions::new().with_row_count(Some(1));
    let schema: SchemaRef = Arc::new(arrow_schema::Schema::empty());
    Ok(RecordBatch::try_new_with_options(schema, Vec::new(), &rows)?)
}
