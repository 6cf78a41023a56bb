"""A C program that links libpython3.11-async.a has the whole interpreter."""

import os
import unittest

from join_support import BUILD, OUR_LIBRARY, PROGRAM, JoinTestCase, run

EMBED = os.path.join(BUILD, "build", "Tools", "embedding", "embed")


class EmbeddingTests(JoinTestCase):
    """The program of Tools/embedding, which `make test` builds."""

    def setUp(self):
        if not os.path.exists(EMBED):
            self.fail(f"{EMBED} is missing; run: make test-programs")

    def test_start_run_await_end_twice(self):
        outcome = run(EMBED, PROGRAM)
        self.assertEqual(outcome.errors, "")
        self.assertEqual(outcome.status, 0)
        # The value of statements, of two expressions, and of statements that
        # are displayed; count is 1, and then 1 more each of two times.
        modes = "None\n4\n3\n" "1\nNone\n" "'several'\n1\nNone\n" "'more'\n3\nNone\n"
        self.assertEqual(outcome.output,
                         f"42 1 {OUR_LIBRARY}\n{modes}subinterpreter\n"
                         f"42 2 {OUR_LIBRARY}\n{modes}subinterpreter\n")

    def test_failure_is_told(self):
        outcome = run(EMBED, "/nowhere/bin/python")
        self.assertNotEqual((outcome.status, outcome.errors), (0, ""))


if __name__ == "__main__":
    unittest.main()
