"""The site's own words, in both languages."""

from .schema import Both

SITE = Both("関数で読むニューラルネットワーク", "Neural networks, read as functions")

WORDS = {
    "site": SITE,
    "contents": Both("目次", "Contents"),
    "glossary": Both("用語集", "Glossary"),
    "places": Both("サイト内の移動", "This site"),
    "search": Both("検索", "Search"),
    "colours": Both("配色", "Colours"),
    "automatic": Both("自動", "Auto"),
    "light": Both("明", "Light"),
    "dark": Both("暗", "Dark"),
    "skip": Both("本文へ", "Skip to the text"),
    "language": Both("言語", "Language"),
    "row": Both("学習者の用語集 第{}項", "The learner’s glossary, entry {}"),
    "family": Both("部品ごとに", "Part by part"),
    "seed": Both("学習者のことば", "In the learner’s words"),
    "idea": Both("考え方", "The idea"),
    "look": Both("図で見る", "Look"),
    "look_and_move": Both("見て、動かす", "Look, and move"),
    "formula": Both("式", "The formula"),
    "symbols": Both(
        "記号とコードの名前（選ぶと、式とコードの同じものに印がつきます）",
        "Symbols and their names in the code (choose one to mark it everywhere)",
    ),
    "steps": Both("導出と2つのコード", "Derivation and code, side by side"),
    "derivation": Both("導出", "Derivation"),
    "numpy": Both("NumPy（手書き）", "NumPy by hand"),
    "jax": Both("JAX", "JAX"),
    "column": Both("表示する列", "Column to show"),
    "nothing_here": Both("この側に対応する行はありません。", "This side has no line for it."),
    "example": Both("例の入力", "The example"),
    "library": Both("このライブラリの関数", "The library’s own function"),
    "library_call": Both("ライブラリでは", "By the library"),
    "library_example": Both("ライブラリを呼ぶための準備", "What the library’s calls need"),
    "values": Both("両方で計算した値", "Values, computed by both sides"),
    "what": Both("計算", "What"),
    "difference": Both("差", "Difference"),
    "one_calculation": Both("どちらも同じ計算", "the same calculation on both sides"),
    "values_note": Both(
        "ページを作るときに、NumPy と JAX の両方を実行した結果です。教科書の書き方があるところでは、"
        "それもライブラリの関数と比べています。差が許容値を超えると、ページは作られません。",
        "NumPy and JAX both ran when this page was built, and where there is a textbook form, it was compared with the "
        "library’s function, too. Where any two differ by more than the tolerance, there is no page.",
    ),
    "tolerance": Both("許容 {}", "up to {}"),
    "checked": Both("確認ずみ", "checked"),
    "kink": Both("折れ目と、選んだ値", "The kink, and the value chosen there"),
    "mistakes": Both("よくある間違い", "Common mistakes"),
    "wrong": Both("間違い", "Wrong"),
    "right": Both("正しい", "Right"),
    "right_here": Both("正しい（このページの名前で）", "Right, in the names of this page"),
    "catalogue": Both("間違いの目録 {} 番", "No. {} in the catalogue of mistakes"),
    "report": Both("判定器の実際の報告", "What the oracle really says"),
    "exercise": Both("演習", "Exercise"),
    "exercise_note": Both(
        "逆伝播を書いて、確かめます。何がどう違うかを判定器が教えます。",
        "Write the backward, and have it judged. The oracle says what is wrong and why.",
    ),
    "starter": Both("出発点のファイル", "The file to start from"),
    "save_starter": Both("出発点のファイルを保存する", "Save the file to start from"),
    "solution": Both("解答を見る", "Show the solution"),
    "left_out": Both(
        "この版には解答を載せていません。先生に聞いてください。",
        "The solution is left out of this copy; ask your teacher.",
    ),
    "questions": Both("3つの問い", "Three questions"),
    "question_number": Both("問い {}", "Question {}"),
    "answer_number": Both("問い {} の答え", "Answer to question {}"),
    "slides": Both("このページのスライド", "This page as slides"),
    "slide_keys": Both(
        "→ や空白で次へ、← で前へ。印刷すると PDF になります。", "→ or space for the next, ← back. Print it for a PDF."
    ),
    "to_page": Both("ページへ", "The page"),
    "answer": Both("答えを見る", "Show the answer"),
    "sources": Both("出典", "Sources"),
    "derived_in": Both("導出の全文", "The whole derivation"),
    "previous": Both("前へ", "Previous"),
    "next": Both("次へ", "Next"),
    "turn": Both("前後のページ", "The pages before and after"),
    "reading": Both("読み", "Reading"),
    "glossary_note": Both("読みの五十音順です。", "In alphabetical order, with the Japanese term and its reading."),
    "search_hint": Both("用語・疑問・コードを探す", "Term or question"),
    "search_none": Both("見つかりませんでした。", "Nothing found."),
    "picture": Both("図の内容", "What the picture shows"),
    "intro": Both(
        "1つの関数を3つの形で並べます。紙の上の導出、NumPy で手書きした順伝播と逆伝播、そして JAX。"
        "まず教科書の形のコードを見せ、ライブラリの関数はその下に開けます。どの数値も、ページを作るときにすべてで計算し、"
        "一致を確かめたものです。",
        "Every function in three forms, side by side: the derivation on paper, forward and backward by hand in NumPy, "
        "and JAX. The code is that of a textbook; the library’s own function unfolds beneath it. Every number was "
        "computed by all of them when the page was built, and they agree.",
    ),
}
