//! Ports as users write them: `8080`, `8080/tcp`, `8000-8100/udp`, `udp`.

use npv_models::space::{PortSet, Protocol, Traffic};

/// Reads `PORT`, `FIRST-LAST`, `PORT/PROTOCOL` or `PROTOCOL`; TCP where no protocol is given (S-20).
///
/// # Errors
/// Says what is wrong with the text, in words that end a sentence about it.
pub fn parse_traffic(text: &str) -> Result<Traffic, String> {
    if let Some(protocol) = protocol(text) {
        return Ok(Traffic::of(protocol, PortSet::full()));
    }
    let (ports, protocol) = match text.split_once('/') {
        Some((ports, name)) => (ports, known_protocol(name)?),
        None => (text, Protocol::Tcp),
    };
    let (first, last) = match ports.split_once('-') {
        Some((first, last)) => (port(first)?, port(last)?),
        None => (port(ports)?, port(ports)?),
    };
    if first > last {
        return Err(format!("the range ends below its start: `{ports}`"));
    }
    Ok(Traffic::of(protocol, PortSet::range(first, last)))
}

/// Reads one `PORT` or `PORT/PROTOCOL`; TCP where no protocol is given (S-20).
///
/// # Errors
/// As [`parse_traffic`].
pub fn parse_port(text: &str) -> Result<(Protocol, u16), String> {
    match text.split_once('/') {
        Some((number, name)) => Ok((known_protocol(name)?, port(number)?)),
        None => Ok((Protocol::Tcp, port(text)?)),
    }
}

fn protocol(name: &str) -> Option<Protocol> {
    Protocol::ALL.into_iter().find(|protocol| protocol.name().eq_ignore_ascii_case(name))
}

fn known_protocol(name: &str) -> Result<Protocol, String> {
    protocol(name).ok_or_else(|| format!("`{name}` is no protocol of NetworkPolicy: tcp, udp or sctp"))
}

fn port(text: &str) -> Result<u16, String> {
    // `parse` alone would take `+80`.
    match text.parse() {
        Ok(number) if number > 0 && text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(number),
        _ => Err(format!("`{text}` is no port: a number from 1 to 65535")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let text = |input: &str| parse_traffic(input).map(|traffic| traffic.to_string());
        assert_eq!(text("8080").unwrap(), "TCP 8080");
        assert_eq!(text("53/udp").unwrap(), "UDP 53");
        assert_eq!(text("8000-8100/SCTP").unwrap(), "SCTP 8000-8100");
        assert_eq!(text("udp").unwrap(), "UDP all");
        for bad in ["0", "65536", "+80", "http", "80/icmp", "90-80", "", "/", "80/", "-", "80-"] {
            assert!(text(bad).is_err(), "{bad}");
        }
        assert_eq!(parse_port("53/udp"), Ok((Protocol::Udp, 53)));
        assert!(parse_port("udp").is_err());
        assert!(parse_port("1-2").is_err());
    }
}
