//! Small worlds and their engines, in few words.

use std::ops::{Deref, DerefMut};

use npv_models::decide::Profile;
use npv_models::policy::{Action, PeerMatch, PolicySet, PortMatch, Rule};
use npv_models::space::Protocol;
use npv_worlds::words;

pub(crate) use npv_worlds::words::{
    across as pods_in, block, layer, local as pods, member, policies as network_policies, selector, tcp,
    tier, union,
};

use crate::engine::{EndpointId, Engine};

pub(crate) type Policy = npv_models::policy::Policy;
pub(crate) type Tier = npv_models::policy::Tier;

pub(crate) fn named(name: &str) -> PortMatch {
    words::named(Protocol::Tcp, name)
}

pub(crate) fn port(name: &str, number: u16) -> npv_models::cluster::ContainerPort {
    words::declared(name, Protocol::Tcp, number)
}

/// A rule; no peers or no ports are all of them.
pub(crate) fn rule(action: Action, peers: Vec<PeerMatch>, ports: Vec<PortMatch>) -> Rule {
    use words::RuleExt;

    let rule = peers.into_iter().fold(words::rule(action), RuleExt::peer);
    ports.into_iter().fold(rule, RuleExt::port)
}

pub(crate) fn allow(peers: Vec<PeerMatch>, ports: Vec<PortMatch>) -> Rule {
    rule(Action::Allow, peers, ports)
}

pub(crate) fn policy(
    subject: npv_models::policy::PodSelector,
    ingress: Option<Vec<Rule>>,
    egress: Option<Vec<Rule>>,
) -> Policy {
    words::two_way("p", subject, ingress, egress)
}

/// A tier as the admin policies have it, with the choices of the network plugin.
pub(crate) fn ordered(policies: Vec<Policy>) -> Tier {
    Tier { fixed: None, ..words::ordered("tier", policies) }
}

/// Adds to a cluster; workloads are to come in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct World(words::Town);

impl Deref for World {
    type Target = words::Town;

    fn deref(&self) -> &words::Town {
        &self.0
    }
}

impl DerefMut for World {
    fn deref_mut(&mut self) -> &mut words::Town {
        &mut self.0
    }
}

impl World {
    pub(crate) fn engine(&self, policies: &PolicySet) -> Engine {
        Engine::new(&self.cluster, policies, Profile::default())
    }
}

/// The endpoint with this text as its id.
pub(crate) fn id(engine: &Engine, text: &str) -> EndpointId {
    let found = engine.ids().find(|id| engine.endpoint(*id).is_some_and(|endpoint| endpoint.id == text));
    found.unwrap_or_else(|| panic!("no {text} among {:?}", names(engine)))
}

pub(crate) fn names(engine: &Engine) -> Vec<&str> {
    engine.endpoints().iter().map(|endpoint| endpoint.id.as_str()).collect()
}

/// What certainly passes, as people write it; behind a `?` what may pass besides.
pub(crate) fn between(engine: &Engine, src: &str, dst: &str) -> String {
    let (src, dst) = (id(engine, src), id(engine, dst));
    let [certain, possible] = [engine.between(src, dst).both, engine.possibly_between(src, dst).both];
    let unsettled = engine.traffic(possible).difference(engine.traffic(certain));
    let certain = engine.traffic(certain);
    if unsettled.is_empty() { certain.to_string() } else { format!("{certain} ? {unsettled}") }
}

/// All connections as text, by [`Engine::for_each_row`].
pub(crate) fn listing(engine: &Engine) -> Vec<String> {
    let mut lines = Vec::new();
    engine.for_each_row(|src, row| {
        assert_eq!(engine.row(src), row);
        for connection in row {
            assert_eq!(connection.src, src);
            assert_eq!(connection.traffic, engine.between(src, connection.dst).both);
            let name = |id| &engine.endpoint(id).unwrap().id;
            lines.push(format!(
                "{} -> {}: {}",
                name(src),
                name(connection.dst),
                engine.traffic(connection.traffic)
            ));
        }
    });
    lines
}
