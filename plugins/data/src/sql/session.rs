//! What a query can name, and the way from its text to a logical plan.

use std::{borrow::Cow, collections::HashMap, ops::ControlFlow, sync::Arc};

use arrow_schema::{DataType, SchemaRef, TimeUnit};
use chrono::{DateTime, Utc};
use datafusion_common::{
    DFSchema, DataFusionError, Result, ScalarValue, TableReference,
    alias::AliasGenerator,
    config::ConfigOptions,
    plan_datafusion_err, plan_err,
    tree_node::{TreeNode, TreeNodeRecursion},
};
use datafusion_execution::{TaskContext, config::SessionConfig};
use datafusion_expr::{
    AggregateUDF, Expr, HigherOrderUDF, LogicalPlan, LogicalPlanBuilder, ScalarUDF, TableSource, Volatility,
    WindowUDF, lit,
    planner::{ContextProvider, ExprPlanner},
    registry::{FunctionRegistry, MemoryFunctionRegistry},
    simplify::SimplifyContext,
};
use datafusion_optimizer::{Analyzer, Optimizer, OptimizerConfig, simplify_expressions::ExprSimplifier};
use datafusion_sql::{
    parser::{DFParserBuilder, Statement},
    planner::{ParserOptions, SqlToRel},
    sqlparser::{
        ast::{Expr as SqlExpr, Statement as SqlStatement, Visit, Visitor},
        dialect::PostgreSqlDialect,
    },
};

use super::scan::{Relation, Series};

/// The deepest nesting of an expression: planning takes time with its square.
pub(super) const DEEPEST: usize = 500;

/// Why a query is not planned.
pub(super) enum Refusal {
    /// The statement does something other than query its inputs.
    NotAQuery,
    /// An expression is nested deeper than [`DEEPEST`].
    TooDeep,
    /// A function gives another value in every run.
    Changing(String),
    /// The planner's own reason.
    Bad(DataFusionError),
}

impl From<DataFusionError> for Refusal {
    fn from(error: DataFusionError) -> Self {
        Self::Bad(error)
    }
}

/// Tables, functions and options of one query.
pub(super) struct Session {
    tables: HashMap<String, Arc<dyn TableSource>>,
    functions: HashMap<String, Arc<ScalarUDF>>,
    higher_order: HashMap<String, Arc<HigherOrderUDF>>,
    aggregates: HashMap<String, Arc<AggregateUDF>>,
    windows: HashMap<String, Arc<WindowUDF>>,
    planners: Vec<Arc<dyn ExprPlanner>>,
    config: SessionConfig,
    /// The aggregates once more, for rules that ask for one by its name.
    registry: MemoryFunctionRegistry,
    aliases: Arc<AliasGenerator>,
}

impl Session {
    /// A session that knows the given tables, and nothing else.
    pub(super) fn new(tables: impl IntoIterator<Item = (String, Relation)>) -> Result<Self> {
        let tables = tables.into_iter().map(|(name, table)| (name, Arc::new(table) as Arc<dyn TableSource>));
        let mut functions = datafusion_functions::all_default_functions();
        functions.extend(datafusion_functions_nested::all_default_nested_functions());
        let aggregates = datafusion_functions_aggregate::all_default_aggregate_functions();
        let mut registry = MemoryFunctionRegistry::new();
        for aggregate in &aggregates {
            registry.register_udaf(aggregate.clone())?;
        }
        Ok(Self {
            tables: tables.collect(),
            functions: by_name(functions, |function| (function.name(), function.aliases())),
            higher_order: by_name(
                datafusion_functions_nested::all_default_higher_order_functions(),
                |function| (function.name(), function.aliases()),
            ),
            aggregates: by_name(aggregates, |function| (function.name(), function.aliases())),
            windows: by_name(datafusion_functions_window::all_default_window_functions(), |function| {
                (function.name(), function.aliases())
            }),
            planners: expression_planners(),
            config: SessionConfig::new().with_target_partitions(1),
            registry,
            aliases: Arc::default(),
        })
    }

    /// What the operators of a plan run with.
    pub(super) fn context(&self) -> Arc<TaskContext> {
        Arc::new(TaskContext::default().with_session_config(self.config.clone()))
    }

    /// The logical plan of a query, as it was written.
    pub(super) fn plan(&self, query: &str) -> Result<LogicalPlan, Refusal> {
        let mut statements = DFParserBuilder::new(query)
            .with_dialect(&PostgreSqlDialect {})
            .with_recursion_limit(self.config.options().sql_parser.recursion_limit.get())
            .build()?
            .parse_statements()?;
        let statement = statements.pop_front().ok_or_else(|| plan_datafusion_err!("the query is empty"))?;
        if !statements.is_empty() {
            return Err(plan_datafusion_err!("there is more than one statement").into());
        }
        let Statement::Statement(statement) = statement else {
            return Err(Refusal::NotAQuery);
        };
        if !matches!(statement.as_ref(), SqlStatement::Query(_)) {
            return Err(Refusal::NotAQuery);
        }
        if statement.visit(&mut Depth::default()).is_break() {
            return Err(Refusal::TooDeep);
        }
        let options = ParserOptions::new()
            .with_enable_ident_normalization(false)
            .with_map_string_types_to_utf8view(false);
        let plan = SqlToRel::new_with_options(self, options).sql_statement_to_plan(*statement)?;
        if changes_something(&plan)? {
            return Err(Refusal::NotAQuery);
        }
        match changing_function(&plan)? {
            Some(function) => Err(Refusal::Changing(function)),
            None => Ok(plan),
        }
    }

    /// The plan, checked and made shorter.
    pub(super) fn optimize(&self, plan: LogicalPlan) -> Result<LogicalPlan> {
        let analyzed = Analyzer::new().execute_and_check(plan, self.config.options(), |_, _| {})?;
        Optimizer::new().optimize(analyzed, self, |_, _| {})
    }

    /// `generate_series` and `range` in the place of a table.
    fn series(&self, name: &str, arguments: Vec<Expr>) -> Result<Arc<dyn TableSource>> {
        let closed = match name {
            "generate_series" => true,
            "range" => false,
            _ => return plan_err!("table function '{name}' not found"),
        };
        let constants = self.constants(arguments)?;
        let mut integers = Vec::new();
        for constant in &constants {
            match constant {
                ScalarValue::Null | ScalarValue::Int64(None) => {}
                ScalarValue::Int64(Some(integer)) => integers.push(*integer),
                _ => return moments(&self.functions[name], constants),
            }
        }
        let (start, end, step) = match integers[..] {
            // A missing bound is an empty series.
            _ if integers.len() < constants.len() => (0, 0, 1),
            [end] => (0, end, 1),
            [start, end] => (start, end, 1),
            [start, end, step] => (start, end, step),
            _ => return plan_err!("{name} takes one to three arguments"),
        };
        if step == 0 {
            return plan_err!("the step of {name} cannot be zero");
        }
        let closed = closed && integers.len() == constants.len();
        Ok(Arc::new(Relation::Series(Series { start, end, step, closed })))
    }

    /// The values of expressions that hold without any row.
    fn constants(&self, expressions: Vec<Expr>) -> Result<Vec<ScalarValue>> {
        let context = SimplifyContext::builder().with_config_options(self.config.options().clone()).build();
        let simplifier = ExprSimplifier::new(context);
        let constant = |expression: Expr| {
            let coerced = simplifier.coerce(expression, &DFSchema::empty())?;
            match simplifier.simplify(coerced)? {
                Expr::Literal(value, _) => Ok(value),
                other => plan_err!("`{other}` is not a constant"),
            }
        };
        expressions.into_iter().map(constant).collect()
    }
}

/// A series of moments: the list that the function of the same name makes, row by row.
fn moments(function: &Arc<ScalarUDF>, bounds: Vec<ScalarValue>) -> Result<Arc<dyn TableSource>> {
    let moment = |bound: ScalarValue| match bound.data_type() {
        DataType::Date32 => bound.cast_to(&DataType::Timestamp(TimeUnit::Nanosecond, None)).map(lit),
        _ => Ok(lit(bound)),
    };
    let bounds = bounds.into_iter().map(moment).collect::<Result<_>>()?;
    let list = function.call(bounds).alias("value");
    let plan = LogicalPlanBuilder::empty(true).project([list])?.unnest_column("value")?.build()?;
    Ok(Arc::new(View(plan)))
}

/// A table that is a plan of its own.
#[derive(Debug)]
struct View(LogicalPlan);

impl TableSource for View {
    fn schema(&self) -> SchemaRef {
        self.0.schema().inner().clone()
    }

    fn get_logical_plan(&self) -> Option<Cow<'_, LogicalPlan>> {
        Some(Cow::Borrowed(&self.0))
    }
}

impl ContextProvider for Session {
    fn get_table_source(&self, name: TableReference) -> Result<Arc<dyn TableSource>> {
        let here = name.catalog().is_none_or(|catalog| catalog == "datafusion")
            && name.schema().is_none_or(|schema| schema == "public");
        let table = here.then(|| self.tables.get(name.table())).flatten();
        table.cloned().ok_or_else(|| plan_datafusion_err!("table '{name}' not found"))
    }

    fn get_table_function_source(&self, name: &str, arguments: Vec<Expr>) -> Result<Arc<dyn TableSource>> {
        self.series(name, arguments)
    }

    fn create_cte_work_table(&self, name: &str, schema: SchemaRef) -> Result<Arc<dyn TableSource>> {
        Ok(Arc::new(Relation::LastRound { name: name.into(), schema }))
    }

    fn get_expr_planners(&self) -> &[Arc<dyn ExprPlanner>] {
        &self.planners
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        self.functions.get(name).cloned()
    }

    fn get_higher_order_meta(&self, name: &str) -> Option<Arc<HigherOrderUDF>> {
        self.higher_order.get(name).cloned()
    }

    fn get_aggregate_meta(&self, name: &str) -> Option<Arc<AggregateUDF>> {
        self.aggregates.get(name).cloned()
    }

    fn get_window_meta(&self, name: &str) -> Option<Arc<WindowUDF>> {
        self.windows.get(name).cloned()
    }

    fn get_variable_type(&self, _: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        self.config.options()
    }

    fn udf_names(&self) -> Vec<String> {
        self.functions.keys().cloned().collect()
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        self.higher_order.keys().cloned().collect()
    }

    fn udaf_names(&self) -> Vec<String> {
        self.aggregates.keys().cloned().collect()
    }

    fn udwf_names(&self) -> Vec<String> {
        self.windows.keys().cloned().collect()
    }
}

impl OptimizerConfig for Session {
    fn query_execution_start_time(&self) -> Option<DateTime<Utc>> {
        None
    }

    fn alias_generator(&self) -> &Arc<AliasGenerator> {
        &self.aliases
    }

    fn options(&self) -> Arc<ConfigOptions> {
        self.config.options().clone()
    }

    fn function_registry(&self) -> Option<&dyn FunctionRegistry> {
        Some(&self.registry)
    }
}

/// What turns operators and special syntax into functions.
fn expression_planners() -> Vec<Arc<dyn ExprPlanner>> {
    vec![
        Arc::new(datafusion_functions::core::planner::CoreFunctionPlanner::default()),
        Arc::new(datafusion_functions_nested::planner::NestedFunctionPlanner),
        Arc::new(datafusion_functions_nested::planner::FieldAccessPlanner),
        Arc::new(datafusion_functions::datetime::planner::DatetimeFunctionPlanner),
        Arc::new(datafusion_functions::unicode::planner::UnicodeFunctionPlanner),
        Arc::new(datafusion_functions_aggregate::planner::AggregateFunctionPlanner),
        Arc::new(datafusion_functions_window::planner::WindowFunctionPlanner),
    ]
}

/// Functions under their names and their other names.
fn by_name<F>(functions: Vec<Arc<F>>, names: impl Fn(&F) -> (&str, &[String])) -> HashMap<String, Arc<F>> {
    let mut found = HashMap::new();
    for function in functions {
        let (name, others) = names(&function);
        for name in others.iter().map(String::as_str).chain([name]) {
            found.insert(name.to_owned(), function.clone());
        }
    }
    found
}

/// Measures how deep expressions are nested, and stops at [`DEEPEST`].
#[derive(Default)]
struct Depth(usize);

impl Visitor for Depth {
    type Break = ();

    fn pre_visit_expr(&mut self, _: &SqlExpr) -> ControlFlow<()> {
        self.0 += 1;
        if self.0 > DEEPEST { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn post_visit_expr(&mut self, _: &SqlExpr) -> ControlFlow<()> {
        self.0 -= 1;
        ControlFlow::Continue(())
    }
}

/// Whether a part of the plan does more than read.
fn changes_something(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        found = matches!(
            node,
            LogicalPlan::Ddl(_) | LogicalPlan::Dml(_) | LogicalPlan::Copy(_) | LogicalPlan::Statement(_)
        );
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

/// The name of a function in the plan whose value is not settled by its arguments.
fn changing_function(plan: &LogicalPlan) -> Result<Option<String>> {
    let mut found = None;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expression| {
            expression.apply(|inner| {
                if let Expr::ScalarFunction(call) = inner
                    && call.func.signature().volatility != Volatility::Immutable
                {
                    found = Some(call.func.name().to_owned());
                    return Ok(TreeNodeRecursion::Stop);
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(found)
}
