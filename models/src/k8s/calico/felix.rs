//! FelixConfiguration, as far as it changes verdicts (C-71, C-72).

use ipnet::IpNet;

use super::super::meta::Root;
use super::super::pod::port_number;
use super::super::read::{Path, Reader, Unknown, fault};
use super::super::{Meta, Object, Spanned};
use super::entity::{net, says};
use super::text::choice;
use super::{CalicoObject, Form, spanned};
use crate::space::Protocol;
use crate::yaml::{Entry, Node};

/// A FelixConfiguration: that of all nodes is named `default`, that of one `node.NAME`.
#[derive(Clone, Debug, PartialEq)]
pub struct FelixConfiguration {
    /// Its name.
    pub meta: Meta,
    /// `failsafeInboundHostPorts`; `None` where it is left out.
    pub failsafe_in: Option<Spanned<Vec<ProtoPort>>>,
    /// `failsafeOutboundHostPorts`; `None` where it is left out.
    pub failsafe_out: Option<Spanned<Vec<ProtoPort>>>,
    /// `defaultEndpointToHostAction`; `None` where it is left out.
    pub endpoint_to_host: Option<Spanned<HostAction>>,
}

/// A failsafe port: traffic of host endpoints that passes whatever policies say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProtoPort {
    /// Its protocol.
    pub protocol: Protocol,
    /// Its number.
    pub number: u16,
    /// The addresses at the other end; all where it is left out.
    pub net: Option<IpNet>,
}

/// What becomes of traffic of pods to their own node, once their egress policy has allowed it (C-71).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HostAction {
    /// It is denied.
    Drop,
    /// The node's own firewall decides.
    Return,
    /// It is allowed.
    Accept,
}

pub(super) fn decode(reader: &mut Reader<'_>, root: Root<'_>, form: Form) -> Object {
    const ACTIONS: [(&str, HostAction); 3] =
        [("Drop", HostAction::Drop), ("Return", HostAction::Return), ("Accept", HostAction::Accept)];
    let path = Path::Root.field("spec");
    let names = ["failsafeInboundHostPorts", "failsafeOutboundHostPorts", "defaultEndpointToHostAction"];
    let [inbound, outbound, action] =
        root.spec.map_or([None; 3], |spec| reader.fields(&path, &spec.value, names, Unknown::Allowed));
    let mut ports = |name: &str, entry: Option<&Entry>| {
        let entry = entry?;
        let path = path.field(name);
        let items = reader.items(&path, &entry.value).iter().enumerate();
        let ports =
            items.filter_map(|(index, item)| read_port(reader, &path.item(index), item, form)).collect();
        Some(spanned(ports, entry))
    };
    let failsafe_in = ports("failsafeInboundHostPorts", inbound);
    let failsafe_out = ports("failsafeOutboundHostPorts", outbound);
    let endpoint_to_host = says(action).and_then(|entry| {
        // What is stored may be in any case: Felix does not mind.
        let any_case = |text: &str| ACTIONS.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
        let stored = entry.value.as_str().filter(|_| form == Form::Stored).and_then(any_case);
        let action = match stored {
            Some((_, action)) => *action,
            None => {
                choice(reader, &path.field("defaultEndpointToHostAction"), &entry.value, "actions", &ACTIONS)?
            }
        };
        Some(spanned(action, entry))
    });
    let felix = FelixConfiguration { meta: root.meta, failsafe_in, failsafe_out, endpoint_to_host };
    Object::Calico(Box::new(CalicoObject::Felix(felix)))
}

fn read_port(reader: &mut Reader<'_>, path: &Path<'_>, item: &Node, form: Form) -> Option<ProtoPort> {
    let [protocol, port, block] =
        reader.fields(path, item, ["protocol", "port", "net"], Unknown::Refused(&[]));
    let protocol = match protocol {
        Some(entry) if form == Form::Stored && entry.value.as_str().is_some() => {
            let text = entry.value.as_str().unwrap_or_default().to_ascii_uppercase();
            Protocol::from_name(&text)
        }
        Some(entry) => {
            let names = Protocol::ALL.map(|protocol| (protocol.name(), protocol));
            choice(reader, &path.field("protocol"), &entry.value, "protocols", &names)
        }
        None if form == Form::Stored => Some(Protocol::Tcp),
        None => {
            let message = "the port has no `protocol`";
            reader.report(
                fault("wrong-type", &path.field("protocol"), item.span, message)
                    .help("write `protocol: TCP`"),
            );
            None
        }
    };
    let number = port_number(reader, &path.field("port"), port);
    let block = says(block).map(|entry| net(reader, &path.field("net"), &entry.value, false));
    // A port that is meant for some addresses must not become one for all.
    let block = block.map_or(Some(None), |block| block.map(Some));
    Some(ProtoPort { protocol: protocol?, number: number?, net: block? })
}
