"""The operating manual of the shipped definitions: printed by the command line, and answered under a user's rights."""

import html.parser
import pathlib
import tempfile

from caravan import SALES, ServerCase, query


class Page(html.parser.HTMLParser):
    """Anchors and links of a page; every element is closed."""

    VOID = {"meta", "link", "br", "img", "polyline", "polygon", "circle", "rect"}

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.links, self.tags = [], [], [], set()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.ids += [value for name, value in attributes if name == "id"]
        self.links += [value for name, value in attributes if name in ("href", "src")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.add(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            raise AssertionError(f"</{tag}> closes nothing")


class Handbooks(ServerCase):
    @classmethod
    def prepare(cls):
        cls.server.add_user("handbook.seller", "销售", SALES)
        cls.server.add_user("handbook.auditor", "稽核", "sales.auditor")

    def check_page(self, text, locale):
        page = Page(text)
        self.assertEqual(page.open, [])
        self.assertIn(f'<html lang="{locale}">', text)
        self.assertFalse(page.tags & {"script", "img", "iframe", "link", "object"})
        self.assertEqual(len(page.ids), len(set(page.ids)))
        self.assertTrue(page.links)
        for link in page.links:
            self.assertTrue(link.startswith("#") and link[1:] in page.ids, link)
        return page

    def test_the_command_line_prints_it_in_three_languages(self):
        words = {"en": ("Send a proposal", "Who may do what"), "zh-CN": ("提交旅游方案", "权限"), "zh-TW": ("提交旅遊方案", "權限")}
        parts = set()
        for locale, said in words.items():
            done = self.server.cli("docs", "handbook", "--config", self.server.config, "--locale", locale, store=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            page = self.check_page(done.stdout, locale)
            for word in said:
                self.assertIn(word, done.stdout)
            parts.add(tuple(page.ids))
        self.assertEqual(len(parts), 1, "every language has the same parts")

    def test_it_is_written_to_a_file_as_markdown(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "manual.md"
            done = self.server.cli("docs", "handbook", "--config", self.server.config, "--format", "md", "--locale", "en", "--output", path, store=False)
            self.assertEqual((done.returncode, done.stdout), (0, ""), done.stderr)
            text = path.read_text()
            self.assertIn("```mermaid\nflowchart LR", text)
            self.assertIn("**Confirm the needs**", text)
            done = self.server.cli("docs", "handbook", "--config", self.server.config, "--output", f"{folder}/no/such/folder.html", store=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("cannot be written", done.stderr)

    def sections(self, book):
        found = {}

        def walk(section):
            found[section["id"]] = section
            for one in section["sections"]:
                walk(one)

        for one in book["sections"]:
            walk(one)
        return found

    def test_administrators_see_every_entity_and_post(self):
        admin = self.server.client("admin")
        found = self.sections(admin.get("/handbook" + query(locale="en")).json)
        model = admin.get("/model").json
        for name, entity in model["entities"].items():
            self.assertIn(f"record-{name}", found)
            if entity["states"]:
                chart = found[f"record-{name}-chart"]["blocks"][0]["chart"]
                self.assertEqual([node["id"] for node in chart["nodes"]], [state["name"] for state in entity["states"]])
                self.assertEqual(len(chart["edges"]), sum(len(step["from"]) for step in entity["transitions"]))
                self.assertGreater(chart["width"], 0)
        for role in ("sales.salesperson", "sales.sales_manager", "sales.auditor", "core.administrator", "customers.data_analyst"):
            self.assertIn(f"post-{role}", found)

    def test_others_see_what_they_may_read(self):
        seller = self.sections(self.server.client("handbook.seller").get("/handbook" + query(locale="en")).json)
        self.assertIn("record-sales.inquiry", seller)
        self.assertNotIn("record-core.message", seller)
        self.assertNotIn("settings", seller)
        auditor = self.server.client("handbook.auditor").get("/handbook" + query(locale="en")).body.decode()
        self.assertNotIn("Monthly income", auditor)  # hidden from the post
        self.assertIn("Birthday", auditor)  # masked: seen to be there

    def test_the_page_for_printing(self):
        answer = self.server.client("handbook.seller").get("/handbook" + query(locale="zh-TW", format="html"))
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers.get("Content-Type"), "text/html; charset=utf-8")
        self.assertIn("default-src 'none'", answer.headers.get("Content-Security-Policy"))
        self.check_page(answer.body.decode(), "zh-TW")

    def test_it_is_answered_once_for_the_same_definitions(self):
        client = self.server.client("handbook.seller")
        first = client.get("/handbook" + query(locale="en"))
        tag = first.etag
        self.assertEqual(client.get("/handbook" + query(locale="en"), If_None_Match=tag).status, 304)
        self.assertEqual(client.get("/handbook" + query(locale="zh-CN"), If_None_Match=tag).status, 200)
        self.assertEqual(client.get("/handbook" + query(locale="en", format="html"), If_None_Match=tag).status, 200)
        self.assertEqual(client.get("/handbook" + query(locale="fr")).status, 400)
        self.assertEqual(client.get("/handbook" + query(format="pdf")).status, 400)
