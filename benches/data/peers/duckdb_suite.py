"""The suite as DuckDB's SQL: for the Python package and for the command line."""

import suite

FACTS = f"""
    count(*) as rows,
    count(*) - count(amount) as nulls,
    count(*) filter (age not between {suite.AGE[0]} and {suite.AGE[1]}) as age,
    count(*) filter (not regexp_matches(email, '{suite.EMAIL}')) as email,
    count(*) filter (country not in ({", ".join(f"'{country}'" for country in suite.COUNTRIES)})) as country,
    max(signup) as newest,
    avg(score) as mean,
    quantile_cont(amount, 0.95) as q95,
    count(*) filter ({suite.SQL}) as sql"""


def query(rows: str, users: str) -> str:
    """One query over the relations `rows` and `users`. Grouping is parallel and can spill, which `count(distinct)`
    is and does less."""
    return f"""
select facts.*, ids.*, pairs.*, orphans.*
from (select {FACTS} from {rows}) facts,
     (select coalesce(sum(n - 1), 0)::bigint as unique from
        (select count(*) as n from {rows} where id is not null group by id)) ids,
     (select coalesce(sum(n - 1), 0)::bigint as duplicates from
        (select count(*) as n from {rows} group by user_id, day)) pairs,
     (select count(*) as orphans from {rows} r
        anti join {users} u using (user_id) where r.user_id is not null) orphans"""


def statements(rows: str, users: str, csv: bool) -> list[str]:
    """Parquet is scanned for each part, of the columns it needs; CSV is parsed once into a table."""
    if not csv:
        return [query(f"'{rows}'", f"'{users}'")]
    load = f"create temp table r as select {', '.join(suite.COLUMNS)} from read_csv('{rows}')"
    return [load, query("r", f"read_csv('{users}')")]
