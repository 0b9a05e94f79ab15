//! What a person reads when the demo is ready: where everything is, who can log in, and one story to try.

use std::io::{self, Write};
use std::path::Path;

use super::manifest::{FILE, Manifest};

/// Writes it.
///
/// # Errors
/// Those of `out`.
pub(crate) fn announce(manifest: &Manifest, directory: &Path, out: &mut dyn Write) -> io::Result<()> {
    let Manifest { gateway, issuer, operations, certificate_authority, admin, users, clients, .. } = manifest;
    writeln!(out, "\nThe demo is ready. Open {gateway}/\n")?;
    writeln!(out, "  gateway     {gateway}")?;
    writeln!(out, "  identity    {issuer}")?;
    writeln!(out, "  operations  {operations}/healthz")?;
    let token = format!("sekisho token admin --data {}", directory.display());
    writeln!(out, "  admin API   {}, with what `{token}` prints", admin.openapi)?;
    if let Some(authority) = certificate_authority {
        writeln!(out, "  trust       {authority}, or let the browser go on in spite of its warning")?;
    }
    writeln!(out, "  for a program: {}\n", directory.join(FILE).display())?;
    writeln!(out, "  {:<8}{:<24}may", "user", "password")?;
    for user in users {
        let scopes = if user.scopes.is_empty() { "nothing".to_owned() } else { user.scopes.join(" ") };
        writeln!(out, "  {:<8}{:<24}{scopes}", user.name, user.password)?;
    }
    writeln!(out, "\n  {:<8}secret", "client")?;
    for client in clients {
        writeln!(out, "  {:<8}{}", client.client_id, client.client_secret.as_deref().unwrap_or("none, it is public"))?;
    }
    if let Some(alice) = users.first() {
        let curl = match certificate_authority {
            None => "curl".to_owned(),
            Some(authority) => format!("curl --cacert {authority}"),
        };
        story((&curl, gateway), &alice.name, &alice.password, out)?;
    }
    writeln!(out, "\nCtrl-C stops it.")
}

fn story((curl, gateway): (&str, &str), name: &str, password: &str, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\nThe same with curl:\n")?;
    writeln!(out, "  TOKEN=$({curl} -s '{gateway}/auth/login?delivery=body' -H 'content-type: application/json' \\")?;
    writeln!(out, "    -d '{{\"username\":\"{name}\",\"password\":\"{password}\"}}' | cut -d'\"' -f4)")?;
    writeln!(out, "  {curl} -i -H \"authorization: Bearer $TOKEN\" {gateway}/opaque/orders/1     # 200")?;
    writeln!(out, "  {curl} -i -H \"authorization: Bearer $TOKEN\" -X POST {gateway}/auth/logout   # 204")?;
    writeln!(out, "  {curl} -i -H \"authorization: Bearer $TOKEN\" {gateway}/opaque/orders/1     # 401")
}

#[cfg(test)]
mod tests;
