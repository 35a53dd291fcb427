//! The list of all lint rules. Everything else - documentation, `npv rule`, SARIF, completeness tests -
//! follows from it.

use super::Rule;
use super::rules::{
    acme_solver_blocked, api_server_egress_blocked, backend_not_found, blocked_by_other_side,
    client_address_unreliable, conflicting_policies, dns_egress_blocked, ingress_backend_blocked,
    named_port_to_address, no_policy, nodelocal_dns_blocked, overlapping_except, overridden_by_admin_tier,
    peer_matches_nothing, redundant_policy, redundant_rule, route_not_attached, rules_without_policy_type,
    scrape_blocked, selects_no_pods, service_port_confusion, service_target_port_mismatch,
    service_without_backends, shadowed_rule, statefulset_peers_blocked, undecided_rule, undefined_named_port,
    unreachable_pass, unreachable_service, vacuous_selector, validity, webhook_blocked, wider_than_intended,
};

static RULES: &[&Rule] = &[
    &validity::INVALID_POLICY,
    &validity::UNKNOWN_FIELD,
    &validity::DUPLICATE_KEY,
    &validity::WRONG_TYPE,
    &validity::NULL_RULE,
    &validity::UNREADABLE_DOCUMENT,
    &validity::UNSUPPORTED_POLICY,
    &validity::DUPLICATE_OBJECT,
    &selects_no_pods::SELECTS_NO_PODS,
    &peer_matches_nothing::PEER_MATCHES_NOTHING,
    &undefined_named_port::UNDEFINED_NAMED_PORT,
    &named_port_to_address::NAMED_PORT_TO_ADDRESS,
    &rules_without_policy_type::RULES_WITHOUT_POLICY_TYPE,
    &vacuous_selector::VACUOUS_SELECTOR,
    &shadowed_rule::SHADOWED_RULE,
    &unreachable_pass::UNREACHABLE_PASS,
    &redundant_rule::REDUNDANT_RULE,
    &redundant_policy::REDUNDANT_POLICY,
    &undecided_rule::UNDECIDED_RULE,
    &conflicting_policies::CONFLICTING_POLICIES,
    &conflicting_policies::DUPLICATE_PRIORITY,
    &overridden_by_admin_tier::OVERRIDDEN_BY_ADMIN_TIER,
    &overlapping_except::OVERLAPPING_EXCEPT,
    &blocked_by_other_side::BLOCKED_BY_OTHER_SIDE,
    &wider_than_intended::WIDER_THAN_INTENDED,
    &no_policy::NO_POLICY,
    &no_policy::NO_INGRESS_ISOLATION,
    &no_policy::NO_EGRESS_ISOLATION,
    &service_port_confusion::SERVICE_PORT_CONFUSION,
    &dns_egress_blocked::DNS_EGRESS_BLOCKED,
    &nodelocal_dns_blocked::NODELOCAL_DNS_BLOCKED,
    &service_without_backends::SERVICE_WITHOUT_BACKENDS,
    &service_target_port_mismatch::SERVICE_TARGET_PORT_MISMATCH,
    &unreachable_service::UNREACHABLE_SERVICE,
    &client_address_unreliable::CLIENT_ADDRESS_UNRELIABLE,
    &statefulset_peers_blocked::STATEFULSET_PEERS_BLOCKED,
    &api_server_egress_blocked::API_SERVER_EGRESS_BLOCKED,
    &backend_not_found::BACKEND_NOT_FOUND,
    &ingress_backend_blocked::INGRESS_BACKEND_BLOCKED,
    &route_not_attached::ROUTE_NOT_ATTACHED,
    &route_not_attached::ROUTE_WITHOUT_REFERENCE_GRANT,
    &scrape_blocked::SCRAPE_BLOCKED,
    &webhook_blocked::WEBHOOK_BLOCKED,
    &webhook_blocked::AGGREGATED_API_BLOCKED,
    &acme_solver_blocked::ACME_SOLVER_BLOCKED,
];

/// All lint rules, by category.
pub fn rules() -> &'static [&'static Rule] {
    RULES
}
