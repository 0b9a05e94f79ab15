//! A service behind the guard, as the README shows it: `cargo run --example service --all-features -- SECRET`.

use axum::Router;
use axum::routing::get;
use sekisho_guard::layer::{Authenticated, Guard, GuardOptions, Refusal};
use sekisho_token::Secret;

type Failure = Box<dyn std::error::Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let secret = Secret::from(std::env::args().nth(1).ok_or("the secret that `sekisho client create` printed")?);
    let options = GuardOptions::new("http://localhost:7000/realms/main", "orders", "orders".parse()?, secret);
    let guard = Guard::remote(options).start().await?;
    let app = Router::new().route("/orders", get(list)).layer(guard.layer());

    let listener = tokio::net::TcpListener::bind("127.0.0.1:9001").await?;
    Ok(axum::serve(listener, app).await?)
}

async fn list(caller: Authenticated) -> Result<String, Refusal> {
    caller.require("orders:read")?;
    Ok(format!("orders of {}", caller.subject))
}
