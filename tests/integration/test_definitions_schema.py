"""The JSON Schema of the definition language, as editors use it: every sound file is valid, structural defects are not."""

import json
import pathlib
import re
import subprocess
import unittest

import jsonschema
import yaml

import caravan

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

# Defects of shape: what the schema can see without knowing the other documents.
STRUCTURAL = [
    "bad_name", "bad_option_name", "bad_locale", "field_right_word", "kind_of_later", "no_kind", "no_name", "not_a_document", "unknown_kind",
    "unknown_value", "unknown_word", "unknown_word_of_field", "wrong_type_flag", "wrong_type_list_for_map",
]


class Loader(yaml.SafeLoader):
    """YAML as Caravan and editors read it: no dates, and only true and false are flags."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rules if tag not in ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:bool")]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), list("tf"))


def documents(path):
    return [one for one in yaml.load_all(path.read_text(encoding="utf-8"), Loader) if one is not None]


class Schema(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.schema = json.loads((ROOT / "docs" / "definitions.schema.json").read_text(encoding="utf-8"))
        cls.validator = jsonschema.Draft202012Validator(cls.schema)

    def test_it_is_a_schema_of_draft_2020_12(self):
        jsonschema.Draft202012Validator.check_schema(self.schema)
        self.assertEqual(self.schema["$schema"], "https://json-schema.org/draft/2020-12/schema")

    def test_it_is_what_the_program_prints(self):
        printed = subprocess.run([str(caravan.Setup.build / "caravan"), "docs", "schema"], capture_output=True, text=True, check=True).stdout
        self.assertEqual(json.loads(printed), self.schema)

    def test_shipped_definitions_are_valid(self):
        files = sorted(ROOT.glob("plugins/*/definitions/*.yaml")) + [ROOT / "tests" / "defects" / "base.yaml"]
        files += [path for path in sorted(ROOT.glob("config/**/*.yaml")) if "kind:" in path.read_text(encoding="utf-8")]
        count = 0
        for path in files:
            for document in documents(path):
                if not isinstance(document, dict) or document.get("kind") in (None, "import_map"):  # maps have words of their own
                    continue
                count += 1
                with self.subTest(path=path.relative_to(ROOT), name=document.get("name")):
                    errors = [f"{'/'.join(map(str, one.absolute_path))}: {one.message}" for one in self.validator.iter_errors(document)]
                    self.assertEqual(errors, [])
        self.assertGreater(count, 20)

    def test_structural_defects_are_not(self):
        for name in STRUCTURAL:
            with self.subTest(name):
                self.assertTrue(any(not self.validator.is_valid(one) for one in documents(ROOT / "tests" / "defects" / f"{name}.yaml")))

    def test_other_defects_are(self):
        """What only the Catalog as a whole shows is not for the schema: it raises no false alarm."""
        for name in ("guard_contradiction", "unknown_entity", "dead_end_state", "same_field_label", "view_filter_never"):
            with self.subTest(name):
                for document in documents(ROOT / "tests" / "defects" / f"{name}.yaml"):
                    self.assertEqual(list(self.validator.iter_errors(document)), [])


if __name__ == "__main__":
    unittest.main()
