use proptest::prelude::*;

use super::{Expression, Normal, Test};
use crate::space::Labels;

fn parse(text: &str) -> Expression {
    Expression::parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}"))
}

fn shown(text: &str) -> String {
    parse(text).to_string()
}

#[test]
fn what_calico_reads() {
    for (text, same) in [
        ("", "all()"),
        (" \t ", "all()"),
        ("all( )", "all()"),
        ("global()", "global()"),
        ("a=='b'", "a == 'b'"),
        ("a == \"b\"", "a == 'b'"),
        ("a != \"it's\"", "a != \"it's\""),
        ("a == 'say \"x\"'", "a == 'say \"x\"'"),
        ("has( a.b/c_d-e )", "has(a.b/c_d-e)"),
        ("a in {'c', \"b\", 'c',}", "a in {'b', 'c'}"),
        ("a in{}", "a in {}"),
        ("a notin {'b'}", "a not in {'b'}"),
        ("a not\t in{'b'}", "a not in {'b'}"),
        ("a contains'b'", "a contains 'b'"),
        ("a startswith 'b'", "a starts with 'b'"),
        ("a ends  with ''", "a ends with ''"),
        ("!!has(a)", "has(a)"),
        ("!!!has(a)", "!has(a)"),
        ("!(!has(a))", "!(!has(a))"),
        ("! a == 'b' && has(c)", "!a == 'b' && has(c)"),
        ("has(a)||has(b)&&has(c)", "has(a) || has(b) && has(c)"),
        ("((has(a)||has(b)))&&has(c)", "(has(a) || has(b)) && has(c)"),
        ("(has(a) && has(b)) && has(c)", "(has(a) && has(b)) && has(c)"),
        ("!(has(a) || has(b))", "!(has(a) || has(b))"),
        // Words are operators behind a label only, and functions only before a parenthesis.
        ("in in {'in'}", "in in {'in'}"),
        ("contains contains 'contains'", "contains contains 'contains'"),
        ("not not in {'a'}", "not not in {'a'}"),
        ("all == 'a'", "all == 'a'"),
        ("hash == 'a'", "hash == 'a'"),
        ("80 == '80'", "80 == '80'"),
    ] {
        assert_eq!(shown(text), same, "{text}");
        assert_eq!(parse(same), parse(text), "{text}");
    }
}

#[test]
fn what_calico_does_not_read_is_said_where_it_stands() {
    let long = format!("{} == 'x'", "a".repeat(513));
    for (text, place, says) in [
        ("a = 'b'", "=", "`==`"),
        ("a == b", "b", "write `'b'`"),
        ("a == 5", "5", "write `'5'`"),
        ("a == ", "", "ends too early"),
        ("a", "", "`has(label)`"),
        ("a b == 'c'", "b", "expected an operator"),
        ("a > 'b'", ">", "expected an operator"),
        ("a (", "(", "expected an operator"),
        ("a inx {'b'}", "inx", "expected an operator"),
        ("a not {'b'}", "not", "expected an operator"),
        ("a in (b, c)", "(", "`{`"),
        ("a in {b, c}", "b", "write `'b'`"),
        ("a in {'b' 'c'}", "'c'", "commas"),
        ("a in {'b', 'c'", "", "`}`"),
        ("a in {,}", ",", "`}`"),
        ("'a' == 'b'", "'a'", "without quotes"),
        ("a == 'b", "'b", "no closing quote"),
        ("a == 'it\\'s'", "'", "no escapes"),
        ("a == 'b' &&\n c == 'd'", "\n", "line break"),
        ("a == 'b'\n", "\n", "`>-`"),
        ("a == 'b' & has(c)", "&", "`&&`"),
        ("a == 'b' | has(c)", "|", "`||`"),
        ("a == 'b' and has(c)", "and", "`&&` for *and*"),
        ("a == 'b' or has(c)", "or", "`||` for *or*"),
        ("a == 'b', has(c)", ",", "a comma"),
        ("has(a) has(b)", "has(b)", "between two terms"),
        ("has(a) &&", "", "ends too early"),
        ("&& has(a)", "&&", "expected a label"),
        ("has(a))", ")", "closes nothing"),
        ("(has(a)", "", "expected `)`"),
        ("()", ")", "expected a label"),
        ("has()", ")", "the name of a label"),
        ("has('a')", "'", "without quotes"),
        ("has(a b)", "b", "one label"),
        ("has (a)", "(", "expected an operator"),
        ("all(a)", "a", "takes nothing"),
        ("all", "", "expected an operator"),
        ("!", "", "ends too early"),
        ("ä == 'b'", "ä", "no part of a selector"),
        ("a\u{a0}== 'b'", "\u{a0}", "expected an operator"),
        (&long, &"a".repeat(513), "512"),
    ] {
        let error = Expression::parse(text).expect_err(text);
        assert_eq!(&text[error.at.clone()], place, "{text}: {error:?}");
        let all = format!("{} | {}", error.message, error.help.clone().unwrap_or_default());
        assert!(all.contains(says), "{text}: `{says}` in `{all}`");
    }
    let deep = |depth: usize| format!("{}has(a){}", "(".repeat(depth), ")".repeat(depth));
    assert!(Expression::parse(&deep(100)).is_ok());
    assert!(Expression::parse(&deep(101)).unwrap_err().message.contains("deeper"));
    assert!(Expression::parse(&deep(100_000)).is_err());
    assert!(Expression::parse(&format!("{}has(a)", "!".repeat(100_000))).is_ok());
}

#[test]
fn only_negative_tests_hold_where_the_label_is_absent() {
    let labels = Labels::from_iter([("app", "web"), ("empty", "")]);
    for (text, holds) in [
        ("app == 'web'", true),
        ("app == 'Web'", false),
        ("app != 'web'", false),
        ("app != 'api'", true),
        ("no != 'web'", true),
        ("no == ''", false),
        ("empty == ''", true),
        ("no != ''", true),
        ("empty != ''", false),
        ("app in {'a', 'web'}", true),
        ("no in {'a'}", false),
        ("no not in {'a'}", true),
        ("app not in {'web'}", false),
        ("app in {}", false),
        ("app not in {}", true),
        ("no not in {}", true),
        ("has(empty)", true),
        ("has(no)", false),
        ("app contains 'e'", true),
        ("app contains ''", true),
        ("no contains ''", false),
        ("app starts with 'we'", true),
        ("app starts with 'eb'", false),
        ("app ends with 'eb'", true),
        ("no starts with ''", false),
        ("no ends with ''", false),
        ("!no ends with ''", true),
        ("!app == 'web' || has(app)", true),
        ("!(app == 'web' || has(app))", false),
        ("has(no) || has(app) && app == 'web'", true),
        ("(has(no) || has(app)) && app == 'api'", false),
        ("all()", true),
        ("!all()", false),
        ("", true),
    ] {
        assert_eq!(parse(text).matches(&labels), holds, "{text}");
        assert_eq!(parse(text).normal().matches(&labels), holds, "{text}");
    }
}

#[test]
fn a_normal_form_has_no_constants_within() {
    for (text, constant) in [
        ("all() && !all()", Normal::Never),
        ("a in {} || all()", Normal::Always),
        ("!(a in {})", Normal::Always),
        ("a not in {}", Normal::Always),
        ("!(a not in {} && all())", Normal::Never),
        ("!global()", Normal::Never),
    ] {
        assert_eq!(parse(text).normal(), constant, "{text}");
    }
    assert_eq!(parse("a == 'b' && all()").normal(), parse("a in {'b'}").normal());
    assert_eq!(parse("!(a == 'b' || has(c))").normal(), parse("!has(c) && a != 'b'").normal());
    assert_eq!(parse("(has(a) && has(b)) && has(c)").normal(), parse("has(c) && has(b) && has(a)").normal());
}

#[test]
fn global_is_bare_only_alone() {
    for (text, bare) in [
        ("global()", true),
        (" global( ) ", true),
        ("(global())", false),
        ("!!global()", false),
        ("global() || has(a)", false),
        ("", false),
    ] {
        assert_eq!(Expression::is_bare_global(text), bare, "{text}");
    }
}

fn key() -> impl Strategy<Value = Box<str>> {
    prop::sample::select(vec!["a", "in", "has", "x/y.z-1"]).prop_map(Into::into)
}

fn value() -> impl Strategy<Value = Box<str>> {
    prop::sample::select(vec!["", "a", "ab", "ba", "it's", "\"q\"", "&& |", "a\nb"]).prop_map(Into::into)
}

fn test() -> impl Strategy<Value = Test> {
    let set = || prop::collection::btree_set(value(), 0..3).prop_map(|values| values.into_iter().collect());
    prop_oneof![
        Just(Test::Has),
        value().prop_map(Test::Equals),
        value().prop_map(Test::NotEquals),
        set().prop_map(Test::In),
        set().prop_map(Test::NotIn),
        value().prop_map(Test::Contains),
        value().prop_map(Test::StartsWith),
        value().prop_map(Test::EndsWith),
    ]
}

fn expression() -> impl Strategy<Value = Expression> {
    let leaf = prop_oneof![
        1 => Just(Expression::All),
        8 => (key(), test()).prop_map(|(key, test)| Expression::Label { key, test }),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let list = || prop::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            inner.clone().prop_map(|term| Expression::Not(Box::new(term))),
            list().prop_map(Expression::And),
            list().prop_map(Expression::Or),
        ]
    })
}

fn labels() -> impl Strategy<Value = Labels> {
    prop::collection::vec((key(), value()), 0..4).prop_map(Labels::from_iter)
}

proptest! {
    #[test]
    fn what_is_shown_is_read_as_the_same(expression in expression()) {
        let text = expression.to_string();
        prop_assert_eq!(Expression::parse(&text), Ok(expression), "{}", text);
    }

    #[test]
    fn a_normal_form_holds_for_the_same_labels(expression in expression(), labels in labels()) {
        let normal = expression.normal();
        prop_assert_eq!(normal.matches(&labels), expression.matches(&labels), "{} on {}", expression, labels);
        let not = Expression::Not(Box::new(expression.clone())).normal();
        prop_assert_eq!(not.matches(&labels), !expression.matches(&labels), "not {} on {}", expression, labels);
    }

    #[test]
    fn any_text_is_read_or_refused_at_a_place_in_it(
        text in "[ahnotisewrd(){},=!&|'\"\t\n \u{e4}\u{1f642}-]{0,24}",
    ) {
        if let Err(error) = Expression::parse(&text) {
            prop_assert!(text.get(error.at.clone()).is_some(), "{:?}: {:?}", text, error);
        }
    }
}
