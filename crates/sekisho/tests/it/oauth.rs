//! A public client that signs a person in at identity's own page, as a browser without JavaScript would.

use base64::Engine as _;
use sekisho_token::Digest;

use crate::client::{Answer, Ask};
use crate::rig::Rig;

const REDIRECT_URI: &str = "http://127.0.0.1/callback";
const VERIFIER: &str = "a-verifier-of-at-least-forty-three-characters-0";

/// An authorization code, on its way to be redeemed.
#[derive(Debug)]
pub(crate) struct PublicFlow {
    code: String,
    cookies: Vec<String>,
}

// === impl PublicFlow ===

impl PublicFlow {
    /// Authorization request, login page, password, redirect back.
    pub(crate) async fn sign_in(rig: &Rig, name: &str) -> Self {
        let challenge = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(Digest::of(VERIFIER.as_bytes()).0);
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("response_type", "code")
            .append_pair("client_id", "public")
            .append_pair("redirect_uri", REDIRECT_URI)
            .append_pair("scope", "openid orders:read")
            .append_pair("state", "xyz")
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256")
            .finish();
        let mut browser = Browser::of(rig);
        let page = browser.go(&format!("/realms/main/oauth2/authorize?{query}")).await;
        let back = browser.sign_in(&page, name).await;
        let location = back.header("location").unwrap_or_else(|| panic!("no redirect: {}", back.text())).to_owned();
        let query = location.split_once('?').expect("a query").1;
        let fields: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let field = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        assert_eq!(field("state").as_deref(), Some("xyz"), "{location}");
        assert_eq!(field("iss").as_deref(), Some(rig.issuer().as_str()), "{location}");
        let cookies = browser.cookies.into_iter().map(|(_, value)| value).collect();
        Self { cookies, code: field("code").unwrap_or_else(|| panic!("no code in {location}")) }
    }

    pub(crate) fn code(&self) -> &str {
        &self.code
    }

    /// What the browser holds.
    pub(crate) fn cookies(&self) -> Vec<&str> {
        self.cookies.iter().map(String::as_str).collect()
    }

    pub(crate) async fn redeem(&self, rig: &Rig) -> Answer {
        self.redeem_with(rig, VERIFIER).await
    }

    pub(crate) async fn redeem_with(&self, rig: &Rig, verifier: &str) -> Answer {
        let fields = [
            ("grant_type", "authorization_code"),
            ("client_id", "public"),
            ("code", &self.code),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", verifier),
        ];
        rig.identity.post("/realms/main/oauth2/token").form(&fields).send().await
    }
}

/// Presents a refresh token.
pub(crate) async fn refresh(rig: &Rig, token: &str) -> Answer {
    let fields = [("grant_type", "refresh_token"), ("client_id", "public"), ("refresh_token", token)];
    rig.identity.post("/realms/main/oauth2/token").form(&fields).send().await
}

/// Cookies, redirects and forms, nothing else.
#[derive(Debug)]
pub(crate) struct Browser<'a> {
    rig: &'a Rig,
    cookies: Vec<(String, String)>,
    says: Vec<(&'static str, &'static str)>,
}

// === impl Browser ===

impl<'a> Browser<'a> {
    pub(crate) fn of(rig: &'a Rig) -> Self {
        Self { rig, cookies: Vec::new(), says: Vec::new() }
    }

    /// One that sends this header with every request.
    pub(crate) fn saying(mut self, name: &'static str, value: &'static str) -> Self {
        self.says.push((name, value));
        self
    }

    /// What it sends along, name and value.
    pub(crate) fn cookies(&self) -> Vec<(String, String)> {
        self.cookies.clone()
    }

    /// Opens an address at identity and follows redirects until there is a page, or one that leads elsewhere.
    pub(crate) async fn go(&mut self, target: &str) -> Answer {
        let answer = self.dressed(self.rig.identity.get(target)).send().await;
        self.follow(answer).await
    }

    /// Fills in the login form of `page`.
    pub(crate) async fn sign_in(&mut self, page: &Answer, name: &str) -> Answer {
        let password = self.rig.user(name).password;
        self.submit(page, &[("username", name), ("password", &password)]).await
    }

    /// Sends the form of `page`, hidden fields included.
    pub(crate) async fn submit(&mut self, page: &Answer, filled_in: &[(&str, &str)]) -> Answer {
        let origin = self.rig.identity_origin();
        self.submit_saying(page, filled_in, ("origin", &origin)).await
    }

    /// The same with one more header.
    pub(crate) async fn submit_saying(
        &mut self,
        page: &Answer,
        filled_in: &[(&str, &str)],
        (name, value): (&str, &str),
    ) -> Answer {
        let html = page.text();
        let action = attribute(&html, "<form", "action").unwrap_or_else(|| panic!("no form in {html}"));
        let hidden = hidden_fields(&html);
        let hidden = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let fields: Vec<(&str, &str)> = hidden.chain(filled_in.iter().copied()).collect();
        let target = self.rig.identity_path(&unescaped(&action));
        let ask = self.dressed(self.rig.identity.post(&target));
        let answer = ask.header(name, value).form(&fields).send().await;
        self.follow(answer).await
    }

    async fn follow(&mut self, mut answer: Answer) -> Answer {
        for _ in 0..5 {
            self.keep(&answer);
            let location = answer.header("location").unwrap_or_default().to_owned();
            if !answer.status.is_redirection() || !location.starts_with(&self.rig.identity_origin()) {
                return answer;
            }
            let target = self.rig.identity_path(&location);
            answer = self.dressed(self.rig.identity.get(&target)).send().await;
        }
        panic!("redirected five times without coming anywhere")
    }

    fn keep(&mut self, answer: &Answer) {
        for cookie in answer.headers.get_all("set-cookie") {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.retain(|(kept, _)| kept != name);
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
    }

    fn dressed(&self, ask: Ask) -> Ask {
        let ask = ask.header("cookie", &self.cookie());
        self.says.iter().fold(ask, |ask, (name, value)| ask.header(name, value))
    }

    fn cookie(&self) -> String {
        let pairs: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("; ")
    }
}

pub(crate) fn hidden_fields(html: &str) -> Vec<(String, String)> {
    let inputs = html.split("<input").skip(1).map(|rest| rest.split('>').next().unwrap_or_default());
    let hidden = inputs.filter(|input| input.contains(r#"type="hidden""#));
    hidden
        .filter_map(|input| {
            Some((attribute(input, "", "name")?, unescaped(&attribute(input, "", "value").unwrap_or_default())))
        })
        .collect()
}

/// The value of an attribute, of the first element after `element`.
pub(crate) fn attribute(html: &str, element: &str, name: &str) -> Option<String> {
    let tail = html.split_once(element).map_or(html, |(_, tail)| tail);
    let (_, tail) = tail.split_once(&format!("{name}=\""))?;
    tail.split('"').next().map(str::to_owned)
}

pub(crate) fn unescaped(text: &str) -> String {
    text.replace("&#38;", "&").replace("&amp;", "&").replace("&#61;", "=").replace("&#34;", "\"")
}
