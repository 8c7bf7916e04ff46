//! Queries of the user's.

use super::{Asked, EXAMPLES, Examples, Planned, Planner};
use crate::config::data_check::filter::Expr;
use crate::data::engine::expr::Trap;

impl Planner<'_, '_> {
    /// A filter means the same on every engine.
    pub(super) fn filter(
        &mut self,
        condition: &Expr,
        chosen: Vec<String>,
        traps: &mut Vec<Trap>,
    ) -> Result<Planned, String> {
        let (sql, found) = self.sheet.condition(condition, None)?;
        traps.extend(found);
        let failed = self.sheet.count(&sql);
        let shown = match chosen.is_empty() {
            true => condition.columns().into_iter().map(str::to_string).collect(),
            false => chosen,
        };
        let shown: Vec<String> = shown;
        shown.iter().try_for_each(|column| self.sheet.known.type_of(column).map(drop))?;
        Ok((Asked::Returned { failed }, self.failing(&shown, &sql)?))
    }

    /// Any other query is the engine's own SQL. Of a data set with private columns none of its rows is fetched, as
    /// nobody can tell from the outside which of its columns shows what.
    pub(super) fn raw(&mut self, query: &str) -> Result<Planned, String> {
        let query = query.trim().trim_end_matches(';').to_string();
        if query.contains(';') && statements(&query) != Some(1) {
            return Err("the query must be one statement".to_string());
        }
        let examples = Examples { query: format!("SELECT * FROM ({query}\n) AS q LIMIT {EXAMPLES}"), columns: None };
        let counted = format!("SELECT CAST(count(*) AS BIGINT) AS n FROM ({query}\n) AS q");
        Ok((Asked::Raw(counted), Some(examples)))
    }
}

/// How many statements a text holds, as far as it can be read.
fn statements(query: &str) -> Option<usize> {
    let parsed = sqlparser::parser::Parser::parse_sql(&sqlparser::dialect::GenericDialect {}, query);
    parsed.ok().map(|statements| statements.len())
}
