//! The syntax that the API server demands of names, labels, ports and blocks of addresses.

use std::net::IpAddr;

use ipnet::IpNet;

/// What is wrong with a text, for the end of a message, and what was probably meant.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed {
    /// `must ..`, in words.
    pub why: String,
    /// A well-formed text in its place.
    pub instead: Option<String>,
}

impl Malformed {
    pub(super) fn new(why: impl Into<String>) -> Self {
        Self { why: why.into(), instead: None }
    }

    pub(super) fn instead(mut self, text: impl Into<String>) -> Self {
        self.instead = Some(text.into());
        self
    }
}

/// The first placeholder in a value that nobody has filled in: `${APP}`, `{{ app }}`, or `<app>` as a whole. No name, label,
/// port or address can contain one, so what contains one is not what will be deployed.
pub fn placeholder(text: &str) -> Option<&str> {
    let between = |open: &str, close: &str, fits: fn(&str) -> bool| {
        let start = text.find(open)?;
        let rest = text.get(start..)?;
        let end = rest.find(close)? + close.len();
        let inside = rest.get(open.len()..end - close.len())?;
        fits(inside.trim()).then_some(rest.get(..end)).flatten()
    };
    let begins = |text: &str| text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    memchr::memchr3(b'$', b'{', b'<', text.as_bytes())?;
    between("{{", "}}", |inside| !inside.is_empty())
        .or_else(|| {
            between("${", "}", |inside| {
                let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
                let behind = inside.trim_start_matches(word);
                // What is behind a name is what the shell has there: `:-`, `%`, `^^` and so on.
                !inside.starts_with(|c: char| c.is_ascii_digit())
                    && behind.len() < inside.len()
                    && (behind.is_empty()
                        || behind.starts_with([':', '-', '=', '+', '?', '#', '%', '/', '^', ',', '.']))
            })
        })
        .or_else(|| {
            let inside = text.strip_prefix('<')?.strip_suffix('>')?;
            let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ' ' | '.' | '/');
            // One letter is markup.
            (inside.len() > 1 && begins(inside) && inside.chars().all(word)).then_some(text)
        })
}

/// A text that has been looked at, or what is wrong with it.
pub type Checked<T = ()> = Result<T, Malformed>;

/// A name of lower-case labels between dots, at most 253 characters.
pub(super) fn dns_subdomain(text: &str) -> Checked {
    if text.len() > 253 {
        return Err(Malformed::new("must be no longer than 253 characters"));
    }
    let label = |label: &str| {
        let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        label.bytes().all(|byte| word(byte) || byte == b'-')
            && label.bytes().next().is_some_and(word)
            && label.bytes().next_back().is_some_and(word)
    };
    if text.split('.').all(label) {
        return Ok(());
    }
    let wrong = Malformed::new(
        "must consist of lower-case letters, digits, `-` and `.`, and start and end with a letter or digit",
    );
    let lower = text.to_ascii_lowercase().replace('_', "-");
    Err(if lower != text && lower.split('.').all(label) { wrong.instead(lower) } else { wrong })
}

/// A name without dots, at most 63 characters: what a namespace is called.
pub fn dns_label(text: &str) -> Checked {
    if text.len() > 63 {
        return Err(Malformed::new("must be no longer than 63 characters"));
    }
    if text.contains('.') {
        return Err(Malformed::new("must not contain a `.`"));
    }
    dns_subdomain(text)
}

fn label_word(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric();
    text.bytes().all(|byte| word(byte) || matches!(byte, b'-' | b'_' | b'.'))
        && text.bytes().next().is_some_and(word)
        && text.bytes().next_back().is_some_and(word)
}

const LABEL_WORD: &str =
    "must consist of letters, digits, `-`, `_` and `.`, and start and end with a letter or digit";

/// The key of a label: a name, after an optional DNS prefix and a slash (S-44).
pub fn label_key(text: &str) -> Checked {
    let name = match text.split_once('/') {
        None => text,
        Some((_, name)) if name.contains('/') => {
            return Err(Malformed::new("must be a name after at most one prefix and `/`"));
        }
        Some((prefix, name)) => {
            dns_subdomain(prefix)
                .map_err(|wrong| Malformed::new(format!("has a prefix that {}", wrong.why)))?;
            name
        }
    };
    match name {
        "" => Err(Malformed::new("must not be empty")),
        _ if name.len() > 63 => Err(Malformed::new("must be no longer than 63 characters behind the prefix")),
        _ if !label_word(name) => Err(Malformed::new(LABEL_WORD)),
        _ => Ok(()),
    }
}

/// The value of a label, which may be empty (S-44).
pub fn label_value(text: &str) -> Checked {
    match text {
        "" => Ok(()),
        _ if text.len() > 63 => Err(Malformed::new("must be no longer than 63 characters")),
        _ if !label_word(text) => Err(Malformed::new(LABEL_WORD)),
        _ => Ok(()),
    }
}

/// The name of a port (S-23).
pub fn port_name(text: &str) -> Checked {
    if let Ok(number) = text.parse::<u16>() {
        let wrong = Malformed::new("is a name because of its quotes, and a name must contain a letter");
        return Err(if number == 0 { wrong } else { wrong.instead(number.to_string()) });
    }
    let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let lower = text.to_ascii_lowercase();
    let why = match text {
        "" => "must not be empty",
        _ if text.len() > 15 => "must be no longer than 15 characters",
        _ if lower != text && port_name(&lower).is_ok() => {
            return Err(Malformed::new("must be in lower case").instead(lower));
        }
        _ if !text.bytes().all(|byte| word(byte) || byte == b'-') => {
            "must consist of lower-case letters, digits and `-`"
        }
        _ if !text.bytes().any(|byte| byte.is_ascii_lowercase()) => "must contain a letter",
        _ if text.contains("--") => "must not contain `--`",
        _ if text.starts_with('-') || text.ends_with('-') => "must not start or end with `-`",
        _ => return Ok(()),
    };
    Err(Malformed::new(why))
}

/// A domain name of two labels or more, the first of which may be `*`; in lower case and without a final
/// dot (S-64).
pub(super) fn domain_name(text: &str) -> Checked<String> {
    let name = text.strip_suffix('.').unwrap_or(text);
    let labels = name.strip_prefix("*.").unwrap_or(name);
    let word = |byte: u8| byte.is_ascii_alphanumeric();
    let label = |label: &str| {
        label.bytes().all(|byte| word(byte) || matches!(byte, b'-' | b'_'))
            && label.bytes().next().is_some_and(word)
            && label.bytes().next_back().is_some_and(word)
    };
    let wrong = match labels {
        _ if !labels.split('.').all(label) => "must consist of letters, digits, `-` and `_` between dots",
        _ if !labels.contains('.') => "must have a dot, as in `example.com`",
        _ => return Ok(name.to_ascii_lowercase()),
    };
    let wrong = Malformed::new(if name.contains('*') {
        "must be a domain name, in which `*` stands only for the first labels, as in `*.example.com`"
    } else {
        wrong
    });
    let host = text.split_once("://").map(|(_, rest)| rest.split('/').next().unwrap_or_default());
    Err(match host.map(domain_name) {
        Some(Ok(host)) => wrong.instead(host),
        _ => wrong,
    })
}

/// The block, which must not have host bits.
pub(super) fn masked(net: IpNet) -> Checked<IpNet> {
    let masked = net.trunc();
    if masked == net {
        return Ok(net);
    }
    Err(Malformed::new("must not have bits set behind its prefix length").instead(masked.to_string()))
}

/// A block of addresses. Host bits may be set (S-18); forms that one reader takes for one block and
/// another reader for another one may not be used.
pub fn cidr(text: &str) -> Checked<IpNet> {
    let Some((address, length)) = text.split_once('/') else {
        let wrong = Malformed::new("must be a block of addresses such as `10.0.0.0/8`");
        return Err(match text.parse::<IpAddr>() {
            Ok(address) => wrong.instead(IpNet::from(address).to_string()),
            Err(_) => wrong,
        });
    };
    let octets = address.split('.');
    if octets.clone().count() == 4 && octets.clone().any(|octet| octet.len() > 1 && octet.starts_with('0')) {
        let plain: Vec<&str> = octets
            .map(|octet| match octet.trim_start_matches('0') {
                "" => "0",
                digits => digits,
            })
            .collect();
        let wrong = Malformed::new("must not have leading zeros: some readers take them for octal numbers");
        let plain = format!("{}/{length}", plain.join("."));
        return Err(if cidr(&plain).is_ok() { wrong.instead(plain) } else { wrong });
    }
    let Ok(address) = address.parse::<IpAddr>() else {
        return Err(Malformed::new("must start with an IPv4 or IPv6 address"));
    };
    if let IpAddr::V6(v6) = address
        && let Some(v4) = v6.to_ipv4_mapped()
    {
        let wrong = Malformed::new("must not be an IPv4 address in IPv6 notation");
        let length = length.parse::<u8>().ok().and_then(|length| length.checked_sub(96));
        let net = length.and_then(|length| IpNet::new(v4.into(), length).ok());
        return Err(match net {
            Some(net) => wrong.instead(net.to_string()),
            None => wrong,
        });
    }
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let digits = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
    let canonical = length == "0" || !length.starts_with('0');
    match length.parse::<u8>() {
        Ok(length) if digits && canonical => IpNet::new(address, length).ok(),
        _ => None,
    }
    .ok_or_else(|| Malformed::new(format!("must have a prefix length from 0 to {longest} behind the `/`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instead<T>(checked: Checked<T>) -> Option<String> {
        checked.err().expect("malformed").instead
    }

    #[test]
    fn names() {
        for good in ["a", "0", "a-b.c", "web.v1", &"a".repeat(253)] {
            assert_eq!(dns_subdomain(good), Ok(()), "{good}");
        }
        for bad in ["", "A", "a_b", "-a", "a-", "a..b", ".a", "a.", "a b", "ä", &"a".repeat(254)] {
            assert!(dns_subdomain(bad).is_err(), "{bad}");
        }
        assert_eq!(instead(dns_subdomain("My_App")), Some("my-app".into()));
        assert!(dns_label("a.b").is_err());
        assert!(dns_label(&"a".repeat(64)).is_err());
        assert!(dns_label(&"a".repeat(63)).is_ok());
    }

    #[test]
    fn labels() {
        let long = "a".repeat(63);
        for good in ["app", "a.b/c_D.e", "K8s", &format!("example.com/{long}")] {
            assert_eq!(label_key(good), Ok(()), "{good}");
        }
        for bad in ["", "/a", "a/", "a/b/c", "-a", "a-", "a b", "A/b", &"a".repeat(64)] {
            assert!(label_key(bad).is_err(), "{bad}");
        }
        for good in ["", "a", "A_b-c.d", "1.10"] {
            assert_eq!(label_value(good), Ok(()), "{good}");
        }
        for bad in ["a/b", "a ", "-", "_a", &"a".repeat(64)] {
            assert!(label_value(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn placeholders() {
        for (text, found) in [
            ("${APP}", "${APP}"),
            ("pre-${APP:=web}-post", "${APP:=web}"),
            ("{{ app }}", "{{ app }}"),
            ("a-{{.Values.x}}", "{{.Values.x}}"),
            ("<your-namespace>", "<your-namespace>"),
            ("${{matrix.x}}", "{{matrix.x}}"),
        ] {
            assert_eq!(placeholder(text), Some(found), "{text}");
        }
        let none = ["", "web", "a<b>", "<", "<>", "${", "${}", "$APP", "{{}}", "{a}", "^/(?<id>x)$", "<-->"];
        for text in none.into_iter().chain(["<b>", "${7*7}", "${alert(6)}"]) {
            assert_eq!(placeholder(text), None, "{text}");
        }
    }

    #[test]
    fn port_names() {
        for good in ["http", "a", "1a", "serve-80-tcp", "abcdefghijklmno"] {
            assert_eq!(port_name(good), Ok(()), "{good}");
        }
        for bad in ["", "80", "1-2", "a--b", "-a", "a-", "a_b", "abcdefghijklmnop", "65536", "80/tcp"] {
            assert!(port_name(bad).is_err(), "{bad}");
        }
        assert_eq!(instead(port_name("80")), Some("80".into()));
        assert_eq!(instead(port_name("HTTP")), Some("http".into()));
        assert_eq!(instead(port_name("0")), None);
    }

    #[test]
    fn domains() {
        for (text, name) in [
            ("example.com", "example.com"),
            ("*.Example.com.", "*.example.com"),
            ("a_b.x-y.io", "a_b.x-y.io"),
            ("*.a.b", "*.a.b"),
        ] {
            assert_eq!(domain_name(text).as_deref(), Ok(name), "{text}");
        }
        for bad in [
            "", ".", "com", "*", "*.com", "*.*.com", "a.*.com", "x*.a.com", "a..b", "-a.b", "a_.b", "a b.c",
            "a.b/c",
        ] {
            assert!(domain_name(bad).is_err(), "{bad}");
        }
        assert_eq!(instead(domain_name("https://a.example.com/x")), Some("a.example.com".into()));
    }

    #[test]
    fn blocks() {
        for good in
            ["10.0.0.0/8", "10.1.2.3/8", "0.0.0.0/0", "1.2.3.4/32", "::/0", "2001:db8::1/64", "::1/128"]
        {
            assert!(cidr(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "/",
            "10.0.0.0",
            "10.0.0.0/33",
            "10.0.0.0/-1",
            "10.0.0.0/+8",
            "10.0.0.0/08",
            "10.0.0.0/",
            "10.0.0/8",
            "300.0.0.0/8",
            "::/129",
            "fe80::1%eth0/64",
            "10.0.0.0/8/8",
            " 10.0.0.0/8",
            "::ffff:10.0.0.0/104",
        ] {
            assert!(cidr(bad).is_err(), "{bad}");
        }
        assert_eq!(instead(cidr("10.0.0.1")), Some("10.0.0.1/32".into()));
        assert_eq!(instead(cidr("::1")), Some("::1/128".into()));
        assert_eq!(instead(cidr("010.001.000.0/16")), Some("10.1.0.0/16".into()));
        assert_eq!(instead(cidr("::ffff:10.0.0.0/104")), Some("10.0.0.0/8".into()));
        let net = |text: &str| masked(text.parse().unwrap());
        assert!(net("10.0.0.0/8").is_ok() && net("::/0").is_ok());
        assert_eq!(instead(net("10.1.2.3/8")), Some("10.0.0.0/8".into()));
    }
}
