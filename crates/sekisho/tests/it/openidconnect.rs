//! Identity as a client sees it that others wrote: the crate `openidconnect`, from discovery to revocation, with a browser
//! in the middle.
//!
//! The crate reads the metadata, builds every request and judges every answer; what this file adds is a way to send bytes
//! and the house's clock. Redirects are not followed, as the crate's documentation asks.

use std::convert::Infallible;
use std::pin::Pin;
use std::time::{Duration, UNIX_EPOCH};

use openidconnect::core::{
    CoreAuthDisplay, CoreAuthenticationFlow, CoreClaimName, CoreClaimType, CoreClient, CoreClientAuthMethod,
    CoreErrorResponseType, CoreGrantType, CoreIdToken, CoreIdTokenClaims, CoreIdTokenVerifier, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm, CoreResponseMode,
    CoreResponseType, CoreRevocableToken, CoreSubjectIdentifierType, CoreTokenResponse, CoreUserInfoClaims,
};
use openidconnect::{
    AccessTokenHash, AdditionalProviderMetadata, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret,
    CsrfToken, EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IntrospectionUrl, IssuerUrl,
    Nonce, NonceVerifier, OAuth2TokenResponse as _, PkceCodeChallenge, ProviderMetadata, RedirectUrl,
    RequestTokenError, RevocationUrl, Scope, TokenIntrospectionResponse as _, TokenResponse as _,
};
use sekisho_model::client::{Capability, ClientAuth, GrantType};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::oauth::Browser;
use crate::rig::{Rig, registration};

const REDIRECT_URI: &str = "http://127.0.0.1/callback";

/// Members of the metadata that OpenID Connect Discovery does not have (RFC 8414 §2).
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Further {
    introspection_endpoint: IntrospectionUrl,
    revocation_endpoint: Url,
}

impl AdditionalProviderMetadata for Further {}

type Metadata = ProviderMetadata<
    Further,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

type Configured = CoreClient<EndpointSet, EndpointNotSet, EndpointSet, EndpointSet, EndpointMaybeSet, EndpointMaybeSet>;

/// An application that trusts this house with its logins.
struct Application<'a> {
    rig: &'a Rig,
    client: Configured,
}

/// What a sign-in brought.
struct SignedIn {
    tokens: CoreTokenResponse,
    nonce: Nonce,
}

// === impl Application ===

impl<'a> Application<'a> {
    /// Finds everything out from the issuer alone.
    async fn discover(rig: &'a Rig, id: &str, secret: Option<&str>) -> Self {
        let issuer = IssuerUrl::new(rig.issuer()).unwrap();
        let metadata = Metadata::discover_async(issuer, &|request| exchange(rig, request)).await.unwrap();
        let Further { introspection_endpoint, mut revocation_endpoint } = metadata.additional_metadata().clone();
        // The crate sends tokens that it revokes to https only. This house stands behind no TLS, so the bytes go to the
        // same listener in the clear.
        revocation_endpoint.set_scheme("https").unwrap();
        let secret = secret.map(|secret| ClientSecret::new(secret.to_owned()));
        let client = CoreClient::from_provider_metadata(metadata, ClientId::new(id.to_owned()), secret)
            .set_redirect_uri(RedirectUrl::new(REDIRECT_URI.to_owned()).unwrap())
            .set_introspection_url(introspection_endpoint)
            .set_revocation_url(RevocationUrl::from_url(revocation_endpoint));
        Self { rig, client }
    }

    /// Code and PKCE, through the form that people fill in.
    async fn sign_in(&self, name: &str, scopes: &[&str]) -> SignedIn {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = CoreAuthenticationFlow::AuthorizationCode;
        let request = self.client.authorize_url(flow, CsrfToken::new_random, Nonce::new_random);
        let scopes = scopes.iter().map(|scope| Scope::new((*scope).to_owned()));
        let (url, state, nonce) = request.add_scopes(scopes).set_pkce_challenge(challenge).url();

        let mut browser = Browser::of(self.rig);
        let page = browser.go(&self.rig.identity_path(url.as_str())).await;
        let back = browser.sign_in(&page, name).await;
        let back = Url::parse(back.header("location").expect("a redirect")).unwrap();
        let field = |name: &str| back.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        assert_eq!(field("state").as_ref(), Some(state.secret()), "{back}");

        let code = AuthorizationCode::new(field("code").expect("a code"));
        let request = self.client.exchange_code(code).unwrap().set_pkce_verifier(verifier);
        let tokens = request.request_async(&|request| exchange(self.rig, request)).await.unwrap();
        SignedIn { tokens, nonce }
    }

    /// A verifier that lives in the house's time.
    fn verifier(&self) -> CoreIdTokenVerifier<'_> {
        let now = UNIX_EPOCH + Duration::from_secs(self.rig.now().unsigned_abs());
        self.client.id_token_verifier().set_time_fn(move || now.into())
    }

    /// The claims of an ID token that came with an access token, everything verified that the crate can verify.
    fn verified<'t>(&self, tokens: &'t CoreTokenResponse, nonce: impl NonceVerifier) -> &'t CoreIdTokenClaims {
        let id_token: &CoreIdToken = tokens.id_token().expect("an ID token");
        let verifier = self.verifier();
        let claims = id_token.claims(&verifier, nonce).unwrap();
        let alg = id_token.signing_alg().unwrap();
        let key = id_token.signing_key(&verifier).unwrap();
        assert_eq!(alg, &CoreJwsSigningAlgorithm::EcdsaP256Sha256);
        let hash = AccessTokenHash::from_token(tokens.access_token(), alg, key).unwrap();
        assert_eq!(claims.access_token_hash(), Some(&hash));
        claims
    }

    async fn is_active(&self, tokens: &CoreTokenResponse) -> bool {
        let request = self.client.introspect(tokens.access_token());
        request.request_async(&|request| exchange(self.rig, request)).await.unwrap().active()
    }

    /// The tokens that came of a refresh, or the error's code.
    async fn refreshed(&self, tokens: &CoreTokenResponse) -> Result<CoreTokenResponse, CoreErrorResponseType> {
        let request = self.client.exchange_refresh_token(tokens.refresh_token().expect("a refresh token")).unwrap();
        match request.request_async(&|request| exchange(self.rig, request)).await {
            Ok(tokens) => Ok(tokens),
            Err(RequestTokenError::ServerResponse(refused)) => Err(refused.error().clone()),
            Err(other) => panic!("neither tokens nor an OAuth error: {other:?}"),
        }
    }
}

type Exchange<'a> = Pin<Box<dyn Future<Output = Result<HttpResponse, Infallible>> + Send + 'a>>;

/// Sends what the crate composed to identity, and hands back what came.
fn exchange(rig: &Rig, request: HttpRequest) -> Exchange<'_> {
    let (head, body) = request.into_parts();
    let target = head.uri.path_and_query().expect("an absolute address").as_str();
    let mut ask = rig.identity.ask(head.method, target).body(body);
    for (name, value) in &head.headers {
        ask = ask.header(name.as_str(), value.to_str().unwrap());
    }
    Box::pin(async move {
        let answer = ask.send().await;
        let mut response = HttpResponse::new(answer.body.to_vec());
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers;
        Ok(response)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_openidconnect_crate_signs_somebody_in_refreshes_introspects_and_revokes() {
    let rig = Rig::start().await;
    let grants = vec![GrantType::AuthorizationCode, GrantType::RefreshToken];
    let mut web = registration(grants, ClientAuth::ClientSecretBasic, vec![Capability::Introspect]);
    web.scopes = "openid profile orders:read".parse().unwrap();
    let secret = rig.register("web", web).await.unwrap();
    let application = Application::discover(&rig, "web", Some(secret.expose())).await;

    let SignedIn { tokens, nonce } = application.sign_in("alice", &["profile", "orders:read"]).await;
    let claims = application.verified(&tokens, &nonce);
    assert_eq!(claims.subject().as_str(), rig.user("alice").id.to_string());
    assert!(claims.auth_time().is_some());

    let request = application.client.user_info(tokens.access_token().clone(), Some(claims.subject().clone()));
    let send = |request| exchange(&rig, request);
    let person: CoreUserInfoClaims = request.unwrap().request_async(&send).await.unwrap();
    assert_eq!(person.preferred_username().map(|name| name.as_str()), Some("alice"));
    assert!(application.is_active(&tokens).await);

    let renewed = application.refreshed(&tokens).await.unwrap();
    // OpenID Connect Core §12.2: the same person by the same sign-in, and no nonce of a request that is long over.
    let again = application.verified(&renewed, |nonce: Option<&Nonce>| match nonce {
        None => Ok(()),
        Some(_) => Err("a nonce after a refresh".to_owned()),
    });
    assert_eq!((again.subject(), again.auth_time()), (claims.subject(), claims.auth_time()));
    assert_ne!(renewed.refresh_token().unwrap().secret(), tokens.refresh_token().unwrap().secret());

    let token = CoreRevocableToken::from(renewed.refresh_token().unwrap());
    application.client.revoke_token(token).unwrap().request_async(&send).await.unwrap();
    assert!(!application.is_active(&renewed).await, "the whole family ends with any of its tokens");
    assert!(!application.is_active(&tokens).await);
    assert_eq!(application.refreshed(&renewed).await.unwrap_err(), CoreErrorResponseType::InvalidGrant);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_openidconnect_crate_learns_of_a_reused_refresh_token_as_invalid_grant_and_the_family_is_dead() {
    let rig = Rig::start_with_refresh_grace(0).await;
    let application = Application::discover(&rig, "public", None).await;
    let SignedIn { tokens, .. } = application.sign_in("alice", &["orders:read"]).await;
    let renewed = application.refreshed(&tokens).await.unwrap();
    rig.advance(Duration::from_secs(1)).await;
    assert_eq!(application.refreshed(&tokens).await.unwrap_err(), CoreErrorResponseType::InvalidGrant);
    assert_eq!(application.refreshed(&renewed).await.unwrap_err(), CoreErrorResponseType::InvalidGrant);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_openidconnect_crate_refuses_an_id_token_of_another_request_and_one_past_its_time() {
    let rig = Rig::start().await;
    let application = Application::discover(&rig, "public", None).await;
    let SignedIn { tokens, nonce } = application.sign_in("alice", &[]).await;
    application.verified(&tokens, &nonce);
    let refused = |nonce: &Nonce| tokens.id_token().unwrap().claims(&application.verifier(), nonce).unwrap_err();
    assert!(matches!(refused(&Nonce::new_random()), ClaimsVerificationError::InvalidNonce(_)));
    rig.advance(Duration::from_secs(24 * 3600)).await;
    assert!(matches!(refused(&nonce), ClaimsVerificationError::Expired(_)));
}
