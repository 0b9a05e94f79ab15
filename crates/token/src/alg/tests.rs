//! Names in and out.

use super::*;

#[test]
fn every_algorithm_comes_back_from_its_name() {
    for alg in Algorithm::ALL {
        assert_eq!(alg.name().parse(), Ok(alg));
        let json = serde_json::to_string(&alg).unwrap();
        assert_eq!(json, format!("\"{alg}\""));
        assert_eq!(serde_json::from_str::<Algorithm>(&json).unwrap(), alg);
    }
}

#[test]
fn what_we_do_not_speak_has_no_algorithm() {
    for name in ["none", "None", "nOnE", "", "HS256", "ES256K", "ES384", "RS384", "PS512", "es256", "eddsa", "ES256 "] {
        assert_eq!(name.parse::<Algorithm>(), Err(UnknownAlgorithm), "{name}");
    }
}
