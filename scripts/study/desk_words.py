"""What the editor of an exercise and the server behind it say, in both languages."""

from .schema import Both

WORDS = {
    "editor": Both("ここで書く", "Write it here"),
    "nothing_leaves": Both(
        "書いたものはこのブラウザに保存され、実行はこのコンピュータの中だけで行われます。",
        "What you write is kept in this browser, and it runs on this computer alone.",
    ),
    "run": Both("確かめる", "Check"),
    "stop": Both("止める", "Stop"),
    "put_back": Both("最初に戻す", "Put back"),
    "key_help": Both(
        "Ctrl+Enter（Mac は ⌘+Enter）で確かめ、Tab で字下げ、Esc で欄を出ます。",
        "Ctrl+Enter (⌘+Enter on a Mac) checks, Tab indents, Esc leaves the field.",
    ),
    "running": Both("確かめています…", "Checking …"),
    "right": Both("正しい", "right"),
    "wrong": Both("まだ", "not yet"),
    "unsure": Both("判定できず", "cannot tell"),
    "line": Both("{}行目", "line {}"),
    "got": Both("実際の値 {}", "got {}"),
    "expected": Both("、正しい値 {}", ", expected {}"),
    "mend": Both("直し方", "What to do"),
    "all_right": Both("すべて正しく書けました。", "All of it is right."),
    "first": Both("まずこれを直します。", "Mend this first."),
    "rest": Both("判定の全文", "The whole report"),
    "printed": Both("ファイルが表示したもの", "What the file printed"),
    "cut": Both("表示が長すぎるので、残りは省きました。", "It printed more than this; the rest is left out."),
    "sure": Both(
        "書いたものを消して最初に戻しますか。もう一度押すと戻ります。",
        "This throws away what you wrote. Press again to do so.",
    ),
    "elsewhere": Both(
        "別のタブで書きかえられたので、その内容を表示しています。",
        "Another tab changed this exercise; its text is shown.",
    ),
    "not_kept": Both(
        "このブラウザは保存を許していません。ページを閉じると、書いたものは消えます。",
        "This browser keeps nothing: what you write is gone when the page is closed.",
    ),
    "no_server": Both(
        "確かめるには、ターミナルで次のコマンドを実行し、表示されたアドレスを開きます。",
        "To check it here, run this in a terminal and open the address that it shows.",
    ),
    "gone": Both(
        "サーバーが止まっています。書いたものは残っています。次のコマンドで、もう一度始めてください。",
        "The server has stopped. What you wrote is kept. Start it again:",
    ),
    "busy": Both(
        "ほかの実行がまだ終わっていません。別のタブでしょうか。終わるのを待つか、「止める」を押してください。",
        "Another run is not over yet, perhaps in another tab. Wait for it, or press Stop.",
    ),
    "stopped": Both("止めました。", "It was stopped."),
    "too_long": Both(
        "時間がかかりすぎたので止めました（{} 秒まで）。終わらない繰り返しがあるかもしれません。",
        "It took too long and was stopped ({} s at most). There may be a loop that never ends.",
    ),
    "other_start": Both(
        "このページのアドレスは、前に始めたサーバーのものです。ターミナルに表示されているアドレスを開いてください。",
        "This address belongs to an earlier start of the server. Open the address that the terminal shows.",
    ),
    "not_there": Both("このアドレスにはページがありません。", "There is no page at this address."),
    "not_from_here": Both(
        "このサーバーは、自分のページからの要求にだけ答えます。",
        "This server answers its own pages only.",
    ),
    "not_a_run": Both(
        "要求は、演習の名前とそのテキストを持つ JSON でなければなりません。",
        "A request must be JSON with the name of an exercise and its text.",
    ),
    "too_large": Both("テキストが大きすぎます（{} KB まで）。", "The text is too large ({} KB at most)."),
    "not_built": Both(
        "サイトがまだ {} にないので、先に作ります。数分かかります。",
        "The site is not in {} yet. It is built first, which takes a few minutes.",
    ),
    "older": Both(
        "注意: {} のページは、もとの文章やコードより古いものです。make site で作り直せます。",
        "note: the pages in {} are older than their sources; make site builds them anew",
    ),
    "serving": Both(
        "{}\nこのアドレスをブラウザで開きます。このコンピュータの中だけのもので、演習に書いたものはここで実行されます。"
        "終わるときは Ctrl-C です。",
        "{}\nOn this machine only; what is written in an exercise runs here. Ctrl-C ends it.",
    ),
    "from_nothing": Both("何も入っていないところから", "From nothing"),
    "needs": Both(
        "Python 3.11 以上が要ります。このリポジトリのフォルダ（README.md があるところ）で、次の3行を実行します。"
        "3行目は、このサイトを最初に数分かけて作り、自分のコンピュータだけに公開して、ブラウザで開きます。",
        "You need Python 3.11 or later. In the folder of this repository, where README.md is, run these three lines. "
        "The third makes this site, which takes a few minutes the first time, serves it to your own computer alone and "
        "opens it in the browser.",
    ),
    "by_file": Both(
        "ブラウザを使わずに、ファイルを好きなエディタで書いて確かめることもできます。",
        "Or write the file in an editor of your own, and have it judged:",
    ),
    "windows": Both(
        "Windows では .venv/bin/ を .venv\\Scripts\\ と読みかえます。",
        "On Windows read .venv\\Scripts\\ for .venv/bin/.",
    ),
    "to_exercise": Both("このページの演習へ", "To the exercise of this page"),
    "begin": Both("はじめての方はここから:", "Start here:"),
    "again": Both("前回のつづき:", "Where you were:"),
    "progress": Both("演習", "Exercise"),
}
# Those that the page holds for the editor's script.
SPOKEN = (
    *("running", "right", "wrong", "unsure", "line", "got", "expected", "mend", "all_right", "first", "rest"),
    *("printed", "cut", "sure", "elsewhere", "not_kept", "no_server", "gone"),
)


def said(name: str, value: object = "") -> dict[str, str]:
    """A sentence as the pages want it."""
    words = WORDS[name]
    return {"ja": words.ja.format(value), "en": words.en.format(value)}
