use super::*;

fn condition(text: &str) -> Expr {
    compile(&format!("select * from train where {text}"), "train").expect(text).condition
}

#[test]
fn filters_are_read() {
    let column = |name: &str| Box::new(Expr::Column(name.to_string()));
    assert_eq!(condition("age > 120"), Expr::Compare(column("age"), Op::Greater, Box::new(Expr::Int(120))));
    assert_eq!(condition("signup > now()"), Expr::Compare(column("signup"), Op::Greater, Box::new(Expr::Now)));
    assert_eq!(condition("\"a b\" is not null"), Expr::Not(Box::new(Expr::IsNull(column("a b")))));
    assert_eq!(condition("a like 'x.%_'"), Expr::Like(column("a"), "(?s)^x\\..*.$".to_string()));
    let day = Box::new(Expr::Time(86_400_000_000));
    assert_eq!(condition("d = date '1970-01-02'"), Expr::Compare(column("d"), Op::Equal, day.clone()));
    assert_eq!(condition("d = cast('1970-01-02' as timestamp)"), Expr::Compare(column("d"), Op::Equal, day.clone()));
    assert_eq!(condition("d = '1970-01-02T09:00:00+09:00'::timestamptz"), Expr::Compare(column("d"), Op::Equal, day));
    for text in ["interval '2 days'", "interval 2 day", "interval '48' hour"] {
        let late = Box::new(Expr::Arithmetic(
            Box::new(Expr::Now),
            Arithmetic::Subtract,
            Box::new(Expr::Span(2 * 86_400_000_000)),
        ));
        assert_eq!(condition(&format!("d < now() - {text}")), Expr::Compare(column("d"), Op::Less, late));
    }
    condition("not (a in (1, 2.5, -3) or b not between 1 and 2) and c <> 'x' and (d = true or e % 2 = 1)");
    let shown = compile("SELECT id, age FROM \"my-set\" WHERE age < 0;", "my-set").unwrap();
    assert_eq!((shown.columns, shown.condition.columns()), (vec!["id".into(), "age".into()], vec!["age"]));
}

#[test]
fn everything_else_is_refused_by_name() {
    for (query, at, found) in [
        ("", 0, "no statement"),
        ("drop table train", 0, "a statement that is no select"),
        ("select * from train where a = 1; select 1", 0, "more than one statement"),
        ("select * from train", 0, "no `where`, without which every row fails"),
        ("select * from other where a = 1", 14, "`other`"),
        ("select * from train t join users u on t.id = u.id where a = 1", 0, "a join"),
        ("select * from train, users where a = 1", 0, "more than one table"),
        ("select * from (select 1) where a = 1", 0, "a subquery or table function"),
        ("select * from train where a = 1 union select * from train where b = 1", 0, "`union`"),
        ("with x as (select 1) select * from train where a = 1", 0, "`with`"),
        ("select distinct a from train where a = 1", 0, "`distinct`"),
        ("select a from train where a = 1 group by a", 0, "`group by`"),
        ("select * from train where a = 1 order by a", 0, "`order by`"),
        ("select * from train where a = 1 limit 3", 0, "`limit`"),
        ("select count(*) from train where a = 1", 7, "`count(*)`"),
        ("select * from train as t where a = 1", 0, "a clause that is not understood"),
        ("select * from train tablesample (10 percent) where a = 1", 0, "a clause that is not understood"),
        ("select * from train where lower(a) = 'x'", 26, "the function `lower`"),
        ("select * from train where a in (select 1)", 26, "a subquery"),
        ("select * from train where t.a = 1", 26, "`t.a`"),
        ("select * from train where a || b = 'x'", 26, "the operator `||`"),
        ("select * from train where case when a = 1 then true end", 26, "`case`"),
        ("select * from train where a = date '2024-13-01'", 35, "'2024-13-01'"),
        ("select * from train where a >", 29, "the end"),
        ("selec * from train", 0, "`selec`"),
    ] {
        let error = compile(query, "train").expect_err(query);
        assert_eq!((error.at, error.found.as_str()), (at, found), "{query}");
    }
    let deep = format!("select * from train where {}a = 1{}", "(".repeat(1500), ")".repeat(1500));
    assert!(compile(&deep, "train").is_err());
    let wide = format!("select * from train where a = 1{}", " or a".repeat(2000));
    assert!(compile(&wide, "train").unwrap_err().expected.contains("4000 bytes"));
    let nested = format!("select * from train where a = 1{}", " + 1".repeat(900));
    assert_eq!(compile(&nested, "train").unwrap_err().found, "one nested too deep");
    let long = format!("select * from train where a = 1{}", " or b".repeat(780));
    assert!(compile(&long, "train").is_ok());
}
