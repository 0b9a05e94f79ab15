//! What an admitted caller may do on a route, by the scopes that it has.
//!
//! INVARIANT (permit): [`permit`] is the only thing that builds a [`Permitted`], and `forward` takes nothing less. So no
//! request reaches an upstream that was not admitted by its route's guard and permitted by its route's rule.

use std::sync::Arc;

use http::Method;
use sekisho_wire::{Reason, Scope, Scopes};

use crate::config::ScopeRule;
use crate::guards::{Admitted, Proof};
use crate::refusal::Refused;
use crate::routes::Route;

/// What a route demands of its callers.
#[derive(Debug, Default)]
pub(crate) struct Demand {
    always: ScopeRule,
    methods: Vec<(Method, ScopeRule)>,
}

/// Somebody who was admitted, and may do this on this route.
#[derive(Debug)]
pub(crate) struct Permitted {
    route: Arc<Route>,
    proof: Proof,
}

/// Decides whether an admitted caller may use a method on a route.
pub(crate) fn permit(admitted: Admitted, route: Arc<Route>, method: &Method) -> Result<Permitted, Refused> {
    let Admitted { access, proof } = admitted;
    if !route.demand.is_empty() {
        let none = Scopes::default();
        let scopes = access.as_ref().map_or(&none, |access| &access.caller().scopes);
        route.demand.check(method, scopes)?;
    }
    Ok(Permitted { route, proof })
}

// === impl Demand ===

impl Demand {
    pub(crate) fn new(always: ScopeRule, methods: Vec<(Method, ScopeRule)>) -> Self {
        Self { always, methods }
    }

    fn is_empty(&self) -> bool {
        self.always.is_empty() && self.methods.is_empty()
    }

    /// RFC 6750 §3.1: who lacks a scope is told which ones the request needs.
    fn check(&self, method: &Method, scopes: &Scopes) -> Result<(), Refused> {
        // RFC 9110 §9.3.2: HEAD is GET without the content, so it needs what GET needs.
        let same = |of: &Method| of == method || (*method == Method::HEAD && *of == Method::GET);
        let of_method = self.methods.iter().filter(|(of, _)| same(of)).map(|(_, rule)| rule);
        let mut wanted: Vec<&Scope> = Vec::new();
        let mut missing: Vec<String> = Vec::new();
        for rule in std::iter::once(&self.always).chain(of_method) {
            wanted.extend(rule.all.iter());
            missing.extend(rule.all.iter().filter(|scope| !scopes.contains(scope)).map(Scope::to_string));
            if !rule.any.is_empty() && !rule.any.iter().any(|scope| scopes.contains(scope)) {
                wanted.extend(rule.any.iter());
                missing.push(format!("one of {}", rule.any));
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let wanted: Scopes = wanted.into_iter().cloned().collect();
        let detail = format!("missing: {}", missing.join(", "));
        Err(Refused::from(Reason::InsufficientScope).detail(detail).scopes(wanted.to_string()))
    }
}

// === impl Permitted ===

impl Permitted {
    pub(crate) fn route(&self) -> &Arc<Route> {
        &self.route
    }

    /// What proves it to the upstream.
    pub(crate) fn proof(&self) -> &Proof {
        &self.proof
    }
}
