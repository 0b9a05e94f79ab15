//! The house as the demo's premises: identity on the listeners that the demo bound, and a gateway that reaches identity by
//! its front door.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use sekisho_identity::Settings;
use sekisho_token::Secret;
use sekisho_wire::{BoxFuture, Issuer, RealmName};
use tokio::net::TcpListener;

use super::{GatewayPlan, House, IdentityPlan, Keep, RaiseError, Surroundings};
use crate::config::RemoteRealm;
use crate::demo::premises::{Ground, Person, Premises, Program, Shared, Trouble, Upstairs};
use crate::http::admin_socket::AdminSocket;
use crate::kek::{self, KekSource};

/// A house with the demo in it.
#[derive(Debug)]
pub struct Lodging {
    surroundings: Surroundings,
    house: House,
    issuer: Option<Issuer>,
    socket: Option<AdminSocket>,
    /// Answered on only when everything is there that it speaks for.
    operations: Option<std::net::TcpListener>,
}

// === impl Lodging ===

impl Lodging {
    /// A house without rooms yet.
    #[must_use]
    pub fn within(surroundings: Surroundings) -> Self {
        let house = House::within(surroundings.clone());
        Self { surroundings, house, issuer: None, socket: None, operations: None }
    }

    async fn lay(&mut self, ground: Ground) -> Result<(), Trouble> {
        let Ground { data, identity, public_url, certificate, operations } = ground;
        let seal = kek::load(&KekSource::Generated, &data, &*self.surroundings.entropy)?;
        let realm: RealmName = RealmName::DEFAULT.parse()?;
        self.issuer = Some(realm.issuer(&public_url));
        let settings = Settings::at(&public_url);
        self.house.open_identity(IdentityPlan { keep: Keep::Dir(data.clone()), settings, seal }).await?;
        let listener = TcpListener::from_std(identity)?;
        match certificate {
            Some(pair) => self.house.serve_identity_over_tls(listener, pair)?,
            None => self.house.serve_identity(listener)?,
        }
        self.operations = Some(operations);
        if let Some(room) = self.house.identity() {
            let Surroundings { clock, handle, .. } = &self.surroundings;
            self.socket = Some(AdminSocket::open(&data, Arc::clone(room), Arc::clone(clock), handle)?);
        }
        Ok(())
    }

    async fn open(&mut self, upstairs: Upstairs) -> Result<SocketAddr, Trouble> {
        let Upstairs { config, client, secret, identity, certificate: tls, authorities } = upstairs;
        let name: RealmName = RealmName::DEFAULT.parse()?;
        let issuer = self.issuer.clone().ok_or_else(|| RaiseError::UnknownRealm(name.clone()))?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let address = format!("{scheme}://{identity}/realms/{name}").parse()?;
        let realm = RemoteRealm {
            name,
            issuer,
            address: Some(address),
            client_id: client,
            client_secret: secret,
            certificate_authorities: authorities,
        };
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        self.house.open_gateway(GatewayPlan { config, listen, remote: vec![realm], tls }).await?;
        if let Some(operations) = self.operations.take() {
            self.house.serve_operations(TcpListener::from_std(operations)?)?;
        }
        self.house.started().await;
        Ok(self.house.gateway_addr().await.unwrap_or(listen))
    }
}

impl Premises for Lodging {
    fn shared(&self) -> Shared {
        let Surroundings { clock, entropy, audit, handle, .. } = self.surroundings.clone();
        Shared { clock, entropy, audit, handle }
    }

    fn lay_ground(&mut self, ground: Ground) -> BoxFuture<'_, Result<(), Trouble>> {
        Box::pin(self.lay(ground))
    }

    fn admit_person(&self, person: Person) -> BoxFuture<'_, Result<(), Trouble>> {
        Box::pin(async move { Ok(crate::admin::ensure_person(&self.house, person).await?) })
    }

    fn admit_program(&self, program: Program) -> BoxFuture<'_, Result<Option<Secret<String>>, Trouble>> {
        Box::pin(async move { Ok(crate::admin::ensure_program(&self.house, program).await?) })
    }

    fn open_upstairs(&mut self, upstairs: Upstairs) -> BoxFuture<'_, Result<SocketAddr, Trouble>> {
        Box::pin(self.open(upstairs))
    }

    fn close_upstairs(&mut self, deadline: Duration) -> BoxFuture<'_, ()> {
        self.house.drain();
        Box::pin(self.house.close_gateway(deadline))
    }

    fn leave(&mut self, deadline: Duration) -> BoxFuture<'_, ()> {
        self.socket = None;
        Box::pin(async move {
            self.house.close_identity(deadline).await;
            self.house.close_operations(deadline).await;
        })
    }
}
