//! Japanese: です・ます, the words that people know from other products, full-width punctuation, names in 「」.

use sekisho_token::Timestamp;

use super::{Account, Consent, Everywhere, Fault, Password, SignIn, SignOut, Words};
use crate::language::Language;

pub(super) static WORDS: Words = Words {
    language: Language::Japanese,
    everywhere: Everywhere {
        done: "完了しました",
        failed: "処理できませんでした",
        error: |title| format!("エラー：{title}"),
        cancel: "キャンセル",
        refusal: "お問い合わせの際は、次の番号をお知らせください：",
        comma: "、",
        moment,
    },
    sign_in: SignIn {
        title: "サインイン",
        to_continue: |client| format!("「{client}」を利用するにはサインインしてください。"),
        to_account: "アカウントを確認するにはサインインしてください。",
        to_password: "パスワードを変更するには、もう一度サインインしてください。",
        name: "ユーザー名",
        password: "パスワード",
        button: "サインイン",
        wrong: "ユーザー名またはパスワードが正しくありません。",
        wait: |seconds| format!("試行回数が多すぎます。{seconds}秒後にもう一度お試しください。"),
        cancelled: "サインインを中止しました。このページは閉じてかまいません。",
    },
    consent: Consent {
        title: |client| format!("「{client}」のアクセスを許可しますか？"),
        asks_for: |person| format!("{person}さん、このアプリケーションは次のアクセスを求めています。"),
        allow: "許可する",
        refuse: "許可しない",
        openid: "本人であることの確認",
        profile: "お名前",
        email: "メールアドレス",
    },
    sign_out: SignOut {
        title: "サインアウトしますか？",
        means: |person| {
            format!(
                "{person}さん、ここからサインアウトすると、このサインインを利用しているすべてのアプリケーションからもサインアウトされます。"
            )
        },
        taken_back: "サインアウト後、アプリケーションに戻ります。",
        button: "サインアウト",
        signed_out: "サインアウトしました。",
        again: "もう一度サインイン",
    },
    account: Account {
        title: "アカウント",
        signed_in_as: |person| format!("{person}さんとしてサインインしています。"),
        sessions: "サインイン中の端末",
        this_one: "このブラウザー",
        signed_in_at: "サインイン日時",
        last_used: "最終利用日時",
        address: "アドレス",
        unknown_address: "不明",
        through: "経由",
        unknown_device: "不明な端末",
        device: |browser, system| format!("{browser}（{system}）"),
        end: "終了",
        end_others: "ほかのサインインをすべて終了",
        applications: "アクセスできるアプリケーション",
        since: "許可した日時",
        access: "アクセス",
        revoke: "許可を取り消す",
        no_applications: "アカウントにアクセスできるアプリケーションはありません。",
        ended: "サインインを終了しました。",
        others_ended: "ほかのサインインをすべて終了しました。",
        cut: |most| {
            format!(
                "サインインと許可は、それぞれ新しいものから{most}件までを表示しています。ほかにもある可能性があります。"
            )
        },
        revoked: "アプリケーションの許可を取り消しました。",
    },
    password: Password {
        title: "パスワードの変更",
        means: "パスワードを変更すると、ほかのサインインはすべて終了します。",
        current: "現在のパスワード",
        new: "新しいパスワード",
        again: "新しいパスワード（確認）",
        rule: |chars_min| format!("{chars_min}文字以上で入力してください。"),
        button: "パスワードを変更",
        changed: "パスワードを変更し、ほかのサインインをすべて終了しました。",
        wrong: "現在のパスワードが正しくありません。",
        unfit: |chars_min, bytes_max| {
            format!("新しいパスワードは{chars_min}文字以上、{bytes_max}バイト以内で入力してください。")
        },
        differ: "新しいパスワードが一致しません。",
        unchanged: "新しいパスワードが現在のパスワードと同じです。",
    },
    fault: Fault {
        stale: "このサインインはすでに終了しているか、別のブラウザーで始められたものです。アプリケーションに戻って、もう一度やり直してください。",
        later: "ただいま確認できません。しばらくしてから、もう一度お試しください。",
        unreadable_request: "リクエストを読み取れませんでした。",
        unreadable_form: "フォームの内容を読み取れませんでした。",
        foreign_form: "このフォームは当サイトのページから送信されたものではありません。",
        other_browser: "このフォームはこのブラウザー用に作られたものではありません。前のページに戻って再読み込みし、もう一度お試しください。",
        bad_return: "戻り先のアドレスを利用できません。",
        duplicate: "同じパラメーターが複数あります。",
        unregistered_sign_out: "サインアウト後の移動先が、このアプリケーションに登録されていません。",
        two_clients: "リクエストに複数のアプリケーションが指定されています。",
        unknown_client: "呼び出し元のアプリケーションが登録されていません。",
        two_redirects: "リクエストに複数の戻り先が指定されています。",
        no_redirect: "リクエストに戻り先が指定されていません。",
        unregistered_redirect: "戻り先のアドレスが、このアプリケーションに登録されていません。",
    },
};

fn moment(at: Timestamp) -> String {
    let civil = at.civil();
    format!("{}年{}月{}日 {}:{:02}（UTC）", civil.year, civil.month, civil.day, civil.hour, civil.minute)
}
