//! Tests of sets of requests: against membership, and against the laws of sets.

use proptest::prelude::*;

use super::*;

fn re2(pattern: &str) -> Language {
    Language::re2(pattern).unwrap()
}

fn set(method: &str, path: &str) -> RequestSet {
    RequestSet::method(&re2(method)).intersection(&RequestSet::path(&re2(path)))
}

fn header(name: &str, value: &str) -> RequestSet {
    RequestSet::header(name, &Language::literal(value).unwrap())
}

fn present(name: &str) -> RequestSet {
    RequestSet::header(name, &Language::everything())
}

/// One condition, as the sets know it and as a plain function of a request.
#[derive(Clone, Debug)]
enum Condition {
    Method(&'static str),
    Path(&'static str),
    Host(&'static str),
    Equal(&'static str, &'static str),
    Present(&'static str),
    Other(&'static str),
}

impl Condition {
    fn set(&self) -> RequestSet {
        match self {
            Self::Method(pattern) => RequestSet::method(&re2(pattern)),
            Self::Path(pattern) => RequestSet::path(&re2(pattern)),
            Self::Host(pattern) => RequestSet::host(&re2(pattern)),
            Self::Equal(name, value) => header(name, value),
            Self::Present(name) => present(name),
            Self::Other(words) => RequestSet::condition(*words),
        }
    }

    fn holds(&self, request: &Request) -> bool {
        // What the patterns of `formula` mean, said without a pattern.
        let matches = |pattern: &str, text: &str| match pattern {
            "GET" | "/a/b" | "api" => text == pattern,
            "GET|POST" => text == "GET" || text == "POST",
            "P.*" => text.starts_with('P'),
            "/a.*" => text.starts_with("/a"),
            "/[^/]*" => text.rfind('/') == Some(0),
            ".*i" => text.ends_with('i'),
            _ => panic!("{pattern}"),
        };
        let value = |name: &str| {
            request.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
        };
        match self {
            Self::Method(pattern) => matches(pattern, &request.method),
            Self::Path(pattern) => matches(pattern, &request.path),
            Self::Host(pattern) => matches(pattern, request.host.as_deref().unwrap()),
            Self::Equal(name, wanted) => value(name) == Some(*wanted),
            Self::Present(name) => value(name).is_some(),
            Self::Other(words) => request.conditions[*words],
        }
    }
}

#[derive(Clone, Debug)]
enum Formula {
    If(Condition),
    Not(Box<Formula>),
    And(Box<Formula>, Box<Formula>),
    Or(Box<Formula>, Box<Formula>),
}

impl Formula {
    fn set(&self) -> RequestSet {
        match self {
            Self::If(condition) => condition.set(),
            Self::Not(inner) => inner.set().complement(),
            Self::And(left, right) => left.set().intersection(&right.set()),
            Self::Or(left, right) => left.set().union(&right.set()),
        }
    }

    fn holds(&self, request: &Request) -> bool {
        match self {
            Self::If(condition) => condition.holds(request),
            Self::Not(inner) => !inner.holds(request),
            Self::And(left, right) => left.holds(request) && right.holds(request),
            Self::Or(left, right) => left.holds(request) || right.holds(request),
        }
    }
}

fn formula() -> impl Strategy<Value = Formula> {
    use Condition::{Equal, Host, Method, Other, Path, Present};
    let condition = proptest::sample::select(vec![
        Method("GET"),
        Method("GET|POST"),
        Method("P.*"),
        Path("/a.*"),
        Path("/a/b"),
        Path("/[^/]*"),
        Host("api"),
        Host(".*i"),
        Equal("X-Key", "k"),
        Equal("x-key", "l"),
        Present("X-KEY"),
        Present("X-Other"),
        Other("a token"),
        Other("tls"),
    ]);
    condition.prop_map(Formula::If).prop_recursive(4, 16, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| Formula::Not(Box::new(inner))),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| Formula::And(Box::new(a), Box::new(b))),
            (inner.clone(), inner).prop_map(|(a, b)| Formula::Or(Box::new(a), Box::new(b))),
        ]
    })
}

/// Requests that tell all the conditions apart.
fn requests() -> Vec<Request> {
    let mut all = Vec::new();
    for method in ["GET", "POST", "PUT", "get"] {
        for path in ["/", "/a", "/a/b", "/ab/c", "b"] {
            for host in ["api", "xi", "shop"] {
                for key in [None, Some("k"), Some("l"), Some("")] {
                    for (other, bits) in [(false, 0), (true, 1), (false, 2), (true, 3)] {
                        let mut request = Request::new(method, path);
                        request.host = Some(host.into());
                        request.headers.extend(key.map(|value| ("X-Key".into(), value.into())));
                        request.headers.extend(other.then(|| ("x-other".into(), "1".into())));
                        request.conditions.insert("a token".into(), bits & 1 > 0);
                        request.conditions.insert("tls".into(), bits & 2 > 0);
                        all.push(request);
                    }
                }
            }
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn sets_agree_with_membership(formula in formula()) {
        let set = formula.set();
        for request in requests() {
            prop_assert_eq!(set.contains(&request), Truth::from(formula.holds(&request)), "{} {:?}", set, request);
        }
    }

    #[test]
    fn laws_hold_in_the_representation(a in formula(), b in formula(), c in formula()) {
        let (a, b, c) = (a.set(), b.set(), c.set());
        prop_assert_eq!(a.union(&b), b.union(&a));
        prop_assert_eq!(a.union(&b.union(&c)), a.union(&b).union(&c));
        prop_assert_eq!(a.intersection(&b.union(&c)), a.intersection(&b).union(&a.intersection(&c)));
        prop_assert_eq!(a.union(&b).complement(), a.complement().intersection(&b.complement()));
        prop_assert_eq!(a.complement().complement(), a.clone());
        prop_assert_eq!(a.difference(&b), a.intersection(&b.complement()));
        prop_assert!(a.union(&a.complement()).is_all());
        prop_assert!(a.intersection(&a.complement()).is_empty());
        prop_assert_eq!(RequestSet::union_of([&a, &b, &c]), c.union(&a).union(&b));
        prop_assert_eq!(a.is_subset(&b), a.union(&b) == b);
        prop_assert_eq!(a.intersects(&b), !a.intersection(&b).is_empty());
    }

    #[test]
    fn different_sets_differ_on_a_request(a in formula(), b in formula()) {
        let (left, right) = (a.set(), b.set());
        let differ = left.difference(&right).union(&right.difference(&left));
        prop_assert_eq!(left == right, differ.is_empty());
        match differ.witness() {
            None => prop_assert!(differ.is_empty()),
            Some(witness) => {
                prop_assert_eq!(differ.contains(&witness), Truth::Yes);
                let (left, right) = (left.contains(&witness), right.contains(&witness));
                prop_assert!(left == Truth::Maybe || right == Truth::Maybe || left != right);
            }
        }
    }

    #[test]
    fn what_is_open_stays_open_only_if_it_matters(formula in formula()) {
        let set = formula.set();
        for mut request in requests().into_iter().step_by(7) {
            let known = request.clone();
            request.conditions.clear();
            let mut outcomes = Vec::new();
            for bits in 0..4 {
                let mut settled = known.clone();
                settled.conditions.insert("a token".into(), bits & 1 > 0);
                settled.conditions.insert("tls".into(), bits & 2 > 0);
                prop_assert_eq!(set.given(&request).contains(&settled), set.contains(&settled));
                outcomes.push(set.contains(&settled));
            }
            outcomes.dedup();
            let expected = if let [one] = outcomes[..] { one } else { Truth::Maybe };
            prop_assert_eq!(set.contains(&request), expected);
        }
    }

    #[test]
    fn boxes_are_the_set(formula in formula()) {
        let set = formula.set();
        let mut covered = RequestSet::none();
        for text in set.describe(&Texts::default()) {
            covered = covered.union(&read(&text));
        }
        prop_assert_eq!(covered, set);
    }
}

/// A box that is shown, read back.
fn read(text: &RequestText) -> RequestSet {
    let pattern = |text: &str| match text.split_once(" but ") {
        Some((hull, exception)) => re2(hull).difference(&re2(exception)).unwrap(),
        None => re2(text),
    };
    let mut set =
        RequestSet::method(&pattern(&text.method)).intersection(&RequestSet::path(&pattern(&text.path)));
    if let Some(host) = &text.host {
        set = set.intersection(&RequestSet::host(&pattern(host)));
    }
    for (words, is_header) in text
        .headers
        .iter()
        .map(|words| (words, true))
        .chain(text.conditions.iter().map(|words| (words, false)))
    {
        let (negated, plain) = words.strip_prefix("not ").map_or((false, &**words), |plain| (true, plain));
        let one = if !is_header {
            RequestSet::condition(plain)
        } else if let Some((name, value)) = plain.split_once(" =~ ") {
            RequestSet::header(name, &pattern(value))
        } else if let Some((name, value)) = plain.split_once(": ") {
            header(name, value)
        } else {
            present(plain)
        };
        set = set.intersection(&if negated { one.complement() } else { one });
    }
    set
}

#[test]
fn reads_as_people_write_it() {
    let orders = set("POST", "/api/v2/orders").intersection(&header("X-API-Key", "k"));
    let api = set("GET", "/api/v2/.*").union(&orders);
    assert_eq!(api.to_string(), "GET /api/v2/.*; POST /api/v2/orders with X-API-Key: k");
    assert_eq!(
        serde_json::to_string(&api).unwrap(),
        r#"[{"method":"GET","path":"/api/v2/.*"},{"method":"POST","path":"/api/v2/orders","headers":["X-API-Key: k"]}]"#
    );
    assert_eq!(RequestSet::all().to_string(), "every request");
    assert_eq!(RequestSet::none().to_string(), "no request");
    assert_eq!(serde_json::to_string(&RequestSet::all()).unwrap(), r#"[{"method":".*","path":".*"}]"#);
    assert_eq!(serde_json::to_string(&RequestSet::none()).unwrap(), "[]");
    assert_eq!(set("GET", "/a").union(&set(".*", "/b")).to_string(), "/b; GET /a");
    assert_eq!(set("GET", "/a").complement().to_string(), "(.* but /a); (.* but GET)");
    let admin = RequestSet::path(&re2("/admin/.*"));
    assert_eq!(admin.complement().to_string(), "(.* but /admin/.*)");
    let host = RequestSet::host(&re2(r".*\.shop"));
    assert_eq!(set("GET", ".*").intersection(&host).to_string(), r"GET at .*\.shop");
    let token = RequestSet::condition("a valid token");
    assert_eq!(token.to_string(), "every request with a valid token");
    assert_eq!(
        token.complement().intersection(&present("X-B")).to_string(),
        "every request with X-B and not a valid token"
    );
    let version = RequestSet::header("X-Version", &re2("v[0-9]+"));
    assert_eq!(version.to_string(), "every request with X-Version =~ v[0-9]+");
    assert_eq!(version.complement().to_string(), "every request with not X-Version =~ v[0-9]+");
}

#[test]
fn headers_have_one_value_and_names_no_case() {
    assert_eq!(header("X-Key", "k"), header("x-KEY", "k"));
    assert!(!header("X-Key", "k").intersects(&header("X-Key", "l")));
    assert!(header("X-Key", "k").is_subset(&present("x-key")));
    assert!(!present("X-Key").is_subset(&header("X-Key", "k")));
    let mut request = Request::new("GET", "/");
    assert_eq!(present("X-Key").contains(&request), Truth::No);
    request.headers = vec![("x-key".into(), "a".into()), ("X-Key".into(), "b".into())];
    assert_eq!(header("X-Key", "a,b").contains(&request), Truth::Yes);
    assert_eq!(header("X-Key", "a").contains(&request), Truth::No);
}

#[test]
fn a_request_without_a_host_leaves_it_open() {
    let api = RequestSet::host(&re2("api")).union(&set("GET", ".*"));
    assert_eq!(api.contains(&Request::new("GET", "/")), Truth::Yes);
    assert_eq!(api.contains(&Request::new("PUT", "/")), Truth::Maybe);
    assert_eq!(api.given(&Request::new("PUT", "/")).to_string(), "every request at api");
}

#[test]
fn witnesses_are_ordinary() {
    let witness = |set: &RequestSet| set.witness().unwrap().to_string();
    assert_eq!(witness(&RequestSet::all()), "GET /");
    assert_eq!(witness(&set(".*", "/api/.+")), "GET /api/a");
    assert_eq!(witness(&set("GET", ".*").complement()), "POST /");
    assert_eq!(witness(&present("X-A").complement()), "GET /");
    assert_eq!(witness(&header("X-A", "k")), "GET / with X-A: k");
    assert_eq!(witness(&RequestSet::host(&re2(r".*\.shop"))), "GET / at a.shop");
    assert_eq!(witness(&RequestSet::condition("a token")), "GET / with a token");
    assert!(RequestSet::none().witness().is_none());
}

#[test]
fn a_set_that_is_too_large_claims_nothing() {
    let tail = |letter: &str| RequestSet::path(&re2(&format!(".*{letter}.{{11}}")));
    let large =
        ["a", "b", "c", "d"].iter().fold(RequestSet::all(), |all, letter| all.difference(&tail(letter)));
    assert_eq!(large.check(), Err(TooLarge));
    assert!(
        !large.is_empty() && !large.is_all() && large.contains(&Request::new("GET", "/")) == Truth::Maybe
    );
    assert!(!large.is_subset(&RequestSet::path(&re2("/"))) && large.witness().is_none());
    assert!(large.union(&RequestSet::all()).is_all() && large.intersection(&RequestSet::none()).is_empty());
    assert_eq!(large.union(&RequestSet::none()).check(), Err(TooLarge));
    assert_eq!(large.to_string(), "every request with patterns that are too large to decide exactly");
}

#[test]
fn a_thousand_paths_are_united_soon() {
    let paths: Vec<RequestSet> = (0..1000)
        .map(|number| RequestSet::path(&re2(&format!("/service-{number}/api/v[0-9]+/.*"))))
        .collect();
    let started = std::time::Instant::now();
    for pair in paths.windows(2).step_by(10) {
        assert!(!pair[0].union(&pair[1]).is_all());
    }
    let all = RequestSet::union_of(&paths);
    assert_eq!(all.contains(&Request::new("GET", "/service-512/api/v1/x")), Truth::Yes);
    assert_eq!(all.contains(&Request::new("GET", "/service-1000/api/v1/x")), Truth::No);
    assert!(paths[17].is_subset(&all));
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
}
