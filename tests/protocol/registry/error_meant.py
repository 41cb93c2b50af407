"""Where sluiced's answer to bad input is meant to be another one than MLflow's: the list, each with its why.

A rule sees the case's name, MLflow's answer and ours (status, error_code, message) and says whether that is its difference.
Our answer is never a 5xx.
"""
import re

from error_world import DATASETS
from record_errors import clipped

PROMPTLAB = "runs/create-promptlab-run"
TYPE = re.compile(r"Invalid value .* for parameter '\w+' supplied:  Hint: Value was of type '", re.S)


def is_same(theirs, ours):
    if theirs["status"] != ours["status"]:
        return False
    if "error_code" not in theirs:  # a web server's page
        return theirs.get("errors") == ours.get("errors")
    if theirs["error_code"] != ours.get("error_code"):
        return False
    wanted, said = theirs["message"], clipped(ours)["message"]
    return said in (wanted, wanted.replace("a\0b", "a"))  # the texts of C end at NUL


def is_refused(ours, start=""):
    return 400 <= ours["status"] < 500 and ours.get("message", "").startswith(start)


def is_text(theirs, ours):
    return theirs["status"] == ours["status"] == 400 and theirs.get("error_code") == ours.get("error_code")


MEANT = [
    ("MLflow answers 500, which its clients repeat for minutes; ours refuses, or does without what is no value of its field",
     lambda case, theirs, ours: theirs["status"] == 500),
    ("a NUL in a query is no target of HTTP",
     lambda case, theirs, ours: re.search(r"\bNUL$", case) and is_refused(ours, "the request target is malformed")),
    ("an integer beyond int64 is a double in messages",
     lambda case, theirs, ours: "2^63" in case and is_text(theirs, ours) and "9.223372036854776e+18" in ours["message"]),
    ("MLflow drops a value of a wrong type, and often what follows it, and says nothing or something else; nothing is lost here",
     lambda case, theirs, ours: theirs["status"] in (200, 400) and ours["status"] == 400 and TYPE.match(ours["message"])),
    ("a NaN of Python's in JSON is null",
     lambda case, theirs, ours: case.endswith("body NaN") and is_text(theirs, ours) and "Missing value" in ours["message"]),
    ("a body is an object, also where MLflow does not look",
     lambda case, theirs, ours: "body " in case and is_refused(ours, "the body must be a JSON object, not ")),
    ("the texts of SQLAlchemy",
     lambda case, theirs, ours: is_text(theirs, ours) and ("sqlite3." in theirs["message"] or "autoflush" in theirs["message"])),
    ("records of no dataset: MLflow says what SQLite says, ours that there is no dataset",
     lambda case, theirs, ours: "records: path's dataset" in case and "FOREIGN KEY" in theirs.get("message", "") and ours["status"] == 404),
    ("a tag of a dataset that is no text is kept as JSON, where MLflow says what SQLite says",
     lambda case, theirs, ours: "tags are" in case and "Error binding parameter" in theirs.get("message", "") and ours["status"] == 200),
    ("tags are an object, records a list of objects, and parts of a record objects, also where MLflow does not look",
     lambda case, theirs, ours: DATASETS in case and theirs["status"] == 200 and
     re.match(r"(records\[0\]: '\w+'|'tags'|records) must be a JSON ", ours.get("message", ""))),
    ("where a record comes from is checked, also where the record has a source already",
     lambda case, theirs, ours: "source" in case and theirs["status"] == 200 and
     is_refused(ours, "records[0]: Invalid dataset record source type: ")),
    ("MLflow drops a count beyond int32",
     lambda case, theirs, ours: DATASETS in case and case.endswith("max_results is 2^31") and is_refused(ours, "Invalid value 2147483648")),
    ("a page token of records is one that was given out: MLflow's may be any number",
     lambda case, theirs, ours: "/records: page" in case and theirs["status"] == 200 and is_refused(ours, "Invalid page token")),
    ("names are compared by what texts are compared by",
     lambda case, theirs, ours: case.endswith("datasets/search: filter name > 'x'") and is_refused(ours, "Invalid comparator")),
    ("the id of a prompt's experiment is a text",
     lambda case, theirs, ours: PROMPTLAB + ": experiment_id = " in case and is_refused(ours) and TYPE.match(ours["message"])),
    ("fields have two spellings in all calls, of which one is to be used",
     lambda case, theirs, ours: PROMPTLAB in case and (case.endswith("in camelCase") and ours["status"] == 200 or
     "in both spellings" in case and is_refused(ours, "Request specifies both"))),
    ("parameters of a prompt are a list, also where nothing is in what they are",
     lambda case, theirs, ours: PROMPTLAB in case and is_refused(ours) and
     re.match(r"CreatePromptlabRun: \w+ must be a list\.", ours["message"])),
    ("parameters of a prompt that cannot be kept are refused, where MLflow makes a failed run",
     lambda case, theirs, ours: PROMPTLAB in case and theirs["status"] == 200 and is_refused(ours, "Duplicate parameter keys")),
    ("an empty name of an operation is none",
     lambda case, theirs, ours: case == "POST /graphql: operationName = empty" and ours == {"status": 200, "errors": False}),
    ("the schema of GraphQL is not told",
     lambda case, theirs, ours: case == "POST /graphql: query introspection" and ours == {"status": 200, "errors": True}),
    ("a path is told as it is looked for",
     lambda case, theirs, ours: "artifacts/files: path" in case and theirs.get("error_code") == ours.get("error_code") and
     re.sub(r"//|/[/.]?(?='$)", lambda found: "/" if found[0] == "//" else "", theirs.get("message", "")) == ours.get("message")),
    ("Python's way to show bytes, and what its JSON reader says",
     lambda case, theirs, ours: "page" in case and is_text(theirs, ours) and
     "page token" in theirs["message"] and "page token" in ours["message"]),
    ("words that MLflow's SQL parser takes for its own, or for no word: our grammar knows letters of any script, and no keywords",
     lambda case, theirs, ours: re.search(r"filter|order by|order_by", case) and is_text(theirs, ours) and
     re.search(r"nothing|☃|version|start_time|unicode|NUL", case)),
    ("tags may have names in any script",
     lambda case, theirs, ours: "tags.☃" in case and ours["status"] == 200),
    ("a tuple of one has a comma in Python",
     lambda case, theirs, ours: "IN (5)" in case and theirs["message"].replace("5,", "5") == ours["message"]),
    ("a list of texts holds texts only, for logged models, too",
     lambda case, theirs, ours: "IN ('a', 5)" in case and is_refused(ours, "While parsing a list")),
    ("numbers have no underscores",
     lambda case, theirs, ours: "underscore" in case and is_refused(ours, "Invalid") and "1_0" in ours["message"]),
    ("MLflow resolves a local path in its working directory before it refuses it",
     lambda case, theirs, ours: "source" in case and is_text(theirs, ours) and
     theirs["message"].startswith("Invalid model version source: '/") and is_refused(ours, "Invalid model version source: '")),
    ("run_uuid is a field of all calls that run_id is one of",
     lambda case, theirs, ours: "run_uuid in both" in case and is_refused(ours, "Request specifies both")),
    ("an alias ends with a letter, not with a line",
     lambda case, theirs, ours: "alias is newline" in case and is_refused(ours, "Invalid alias name")),
    ("a page has one result at least",
     lambda case, theirs, ours: "max_results" in case and is_refused(ours, "Invalid value") and "positive" in ours["message"]),
    ("an empty text is missing, rather than of a wrong type",
     lambda case, theirs, ours: case.endswith(" = empty") and is_text(theirs, ours) and "Missing" in ours["message"]),
    ("an order without a field is named as that",
     lambda case, theirs, ours: "order" in case and is_refused(ours, "`field_name` in the `order_by`")),
    ("links and params of no name: MLflow stores the first one and trips over the second",
     lambda case, theirs, ours: "[] = empty" in case and "UNIQUE" in theirs.get("message", "") and ours["status"] == 200),
    ("paths that are no call's: whether a 404 or a 405",
     lambda case, theirs, ours: case.endswith("no call") and {theirs["status"], ours["status"]} == {404, 405}),
]


def reason(case, theirs, ours):
    """The first rule's that says yes; None: the difference is not meant."""
    if ours["status"] >= 500:
        return None
    return next((why for why, rule in MEANT if rule(case, theirs, ours)), None)
