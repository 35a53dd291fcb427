//! One file per lint rule, or per few that ask the same question.

pub(super) mod acme_solver_blocked;
pub(super) mod api_server_egress_blocked;
pub(super) mod backend_not_found;
pub(super) mod blocked_by_other_side;
pub(super) mod client_address_unreliable;
pub(super) mod conflicting_policies;
pub(super) mod dns_egress_blocked;
pub(super) mod ingress_backend_blocked;
pub(super) mod named_port_to_address;
pub(super) mod no_policy;
pub(super) mod nodelocal_dns_blocked;
pub(super) mod peer_matches_nothing;
pub(super) mod route_not_attached;
pub(super) mod rules_without_policy_type;
pub(super) mod scrape_blocked;
pub(super) mod selects_no_pods;
pub(super) mod service_port_confusion;
pub(super) mod service_target_port_mismatch;
pub(super) mod service_without_backends;
pub(super) mod statefulset_peers_blocked;
pub(super) mod undefined_named_port;
pub(super) mod unreachable_service;
pub(super) mod vacuous_selector;
pub(super) mod validity;
pub(super) mod webhook_blocked;
