//! Colours that can be read, and the policy that allows them.

use super::*;

#[test]
fn every_accent_can_be_read_on_both_papers_and_written_on() {
    for red in (0..=255).step_by(51) {
        for green in (0..=255).step_by(51) {
            for blue in (0..=255).step_by(51) {
                for paper in [PAPER_LIGHT, PAPER_DARK] {
                    let accent = readable(Accent([red, green, blue]), paper);
                    assert!(contrast(accent, paper) >= CONTRAST_MIN, "{accent} on {paper}");
                    assert!(contrast(WHITE, accent).max(contrast(BLACK, accent)) >= 4.5, "on {accent}");
                }
            }
        }
    }
    assert_eq!(readable(ACCENT, PAPER_LIGHT), ACCENT, "what can be read stays as it was chosen");
    assert_eq!(readable(ACCENT_DARK, PAPER_DARK), ACCENT_DARK, "and so does this");
}

#[test]
fn black_and_white_are_as_far_apart_as_can_be() {
    assert!((contrast(WHITE, BLACK) - 21.0).abs() < 0.001);
    assert!((contrast(WHITE, WHITE) - 1.0).abs() < 0.001);
}

#[test]
fn the_papers_are_those_of_the_sheet() {
    assert!(STYLE.contains("--card: #ffffff") && STYLE.contains(&format!("--card: {PAPER_DARK}")));
}

#[test]
fn each_theme_has_its_own_hash_and_its_own_name() {
    let look = |realm: &str, theme: &Theme| Look::of(&realm.parse().unwrap(), theme);
    let plain = look("main", &Theme::default());
    let blue = Theme { accent: "#0b57d0".parse().ok(), name: "Acme".parse().ok(), logo: None };
    let blue = look("main", &blue);
    assert_ne!(plain.policy, blue.policy);
    assert!(blue.style.contains("--accent: #0b57d0"), "{}", blue.style);
    assert_eq!((plain.brand.as_str(), blue.brand.as_str()), ("Sekisho", "Acme"));
    assert_eq!(look("staff", &Theme::default()).brand, "Sekisho · staff");
}
