"""Writes `fixtures/tokens.json.gz`: texts of many kinds and their tokens after transformers.

    pip install torch transformers && python make_tokens.py
"""
import gzip
import json
import random
from pathlib import Path

import vocabulary

THINGS = """person bicycle car motorcycle airplane bus train truck boat traffic-light fire_hydrant
stop sign parking meter bench bird cat dog horse sheep cow elephant bear zebra giraffe backpack
umbrella handbag tie suitcase frisbee skis snowboard kite skateboard surfboard racket bottle
wine glass cup fork knife spoon bowl banana apple sandwich orange broccoli carrot pizza donut cake
chair couch plant bed table toilet tv laptop mouse remote keyboard phone microwave oven toaster
sink refrigerator book clock vase scissors teddy toothbrush""".split()
FORMS = ["a photo of a {}.", "A {}, seen from above!", "{}s & {}s", "the {}'s colour; isn't it 3.5m?"]
SPECIAL = [
    "", " ", "\n\t ", ".", "...", "!!!???", "don't I'm you're we've they'll he'd it's 'S 'T",
    "a-b_c/d\\e|f", "100% of $1,234.56 (€99)", "3.14159 2024-06-01 12:30", "a+b=c; x*y<z>w",
    "<|startoftext|>", "<|endoftext|>", "before <|endoftext|> after", "<|ENDOFTEXT|>", "&amp; &lt;b&gt;",
    "crème brûlée à la carte", "Ünïcödé ÀÉÎÕÜ ß ẞ ŒœÆæ", "e\u0301 e\u0301cole n\u0303", "Å Å Ω Ω",
    "ΑΒΓΔ αβγδς", "Привет, мир", "שלום עולם", "مرحبا بالعالم ١٢٣", "नमस्ते दुनिया", "สวัสดีชาวโลก",
    "猫が好きです。", "一只猫和两只狗", "한국어 고양이", "﷽", "ﬁ ﬂ ½ ² ① Ⅷ", "İstanbul ıI", "ǅ ǆ",
    "🐶", "🐱🐭 🐹", "👩‍👩‍👧‍👦 family", "👍🏽", "🇩🇪🇫🇷", "☀️ ☁", "❤️❤", "♻︎", "(╯°□°)╯︵ ┻━┻",
    "zero\u200bwidth", "non\u00a0breaking\u2003space\u3000ideographic", "tab\tnew\nline\r\nend",
    "\u0000nul \u0007bell \u001fus", "\ufeffbom", "soft\u00adhyphen", "“quotes” ‘single’ «guillemets»",
    "—dash–en…", "UPPER lower MiXeD", "supercalifragilisticexpialidocious", "pneumonoultramicroscopic",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "https://example.org/a?b=c&d=e#f", "user@example.org", "#hashtag @mention", "C++ C# F# .NET",
    "x" * 400, "ab " * 100, "🐶" * 60, "猫" * 90, "1 " * 75, "1 " * 76, "one " * 74, "one " * 75, "one " * 76,
]
ALPHABETS = [
    "abcdefghijklmnopqrstuvwxyz     ", "ABCabc 012,.!?'\"-", "àáâãäåæçèéêëìíîïñòóôõöøùúûüýÿ ",
    "абвгдежзийклмноп ΑΒΓδεζ ", "猫犬鳥魚花山川日月 のがはを", "🐶🐱🚗🌳🏠👍🏽❤️ ab",
    "'`~@#$%^&*()[]{}<>|\\/ st re ve", "\u0301\u0308\u200d\ufe0f aeo\u00a0",
]


def texts():
    draw = random.Random(1)
    yield from SPECIAL
    for thing in THINGS:
        for form in FORMS:
            yield form.replace("{}", thing)
    for alphabet in ALPHABETS:
        for _ in range(90):
            yield "".join(draw.choice(alphabet) for _ in range(draw.randint(1, 40)))


tokenizer = vocabulary.tokenizer(vocabulary.merges())
found = [[text, tokenizer(text, truncation=True, max_length=77)["input_ids"]] for text in texts()]
assert len(found) >= 1000, len(found)
path = Path(__file__).parent.parent / "fixtures" / "tokens.json.gz"
text = json.dumps(found, ensure_ascii=True, separators=(",", ":"))
path.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
print(len(found), "texts")
