"""Numbers as people read them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emstudio.core.format import count, number, signed, typeset

MINUS, THIN = "\u2212", "\u202f"


@pytest.mark.parametrize(
    ("x", "digits", "shown"),
    [
        (0.418932, 4, "0.4189"),
        (2.39641, 4, "2.396"),
        (58.9812, 4, "58.98"),
        (-1206.62145, 6, f"{MINUS}1{THIN}206.62"),
        (0.0, 4, "0"),
        (-0.0, 4, "0"),
        (1, 4, "1.000"),
        (9.99996, 4, "10.00"),
        (999.996, 4, f"1{THIN}000"),
        (12345.678, 4, f"12{THIN}346"),
        (1234567.8, 4, f"1{THIN}234{THIN}568"),
        (1e7, 4, "1.000e7"),
        (9999999.9, 4, "1.000e7"),
        (1e9, 2, "1.0e9"),
        (1e-4, 4, "0.0001000"),
        (9.9e-5, 4, f"9.900e{MINUS}5"),
        (-3.2e-9, 2, f"{MINUS}3.2e{MINUS}9"),
        (1e-8, 1, f"1e{MINUS}8"),
        (5e-324, 4, f"4.941e{MINUS}324"),
        (1.7976931348623157e308, 4, "1.798e308"),
        (math.nan, 4, "\u2014"),
        (math.inf, 4, "\u221e"),
        (-math.inf, 4, f"{MINUS}\u221e"),
        (np.float64(0.5), 3, "0.500"),
        (np.int64(7), 3, "7.00"),
    ],
)
def test_significant_figures(x, digits, shown):
    assert number(x, digits) == shown


@pytest.mark.parametrize(
    ("x", "decimals", "shown"),
    [
        (0.399123, 3, "0.399"),
        (1.0, 3, "1.000"),
        (0.0, 3, "0.000"),
        (-0.0004, 3, "0.000"),
        (-0.0006, 3, f"{MINUS}0.001"),
        (1234.5, 0, f"1{THIN}234"),
        (1e-12, 2, "0.00"),
        (2e7, 1, f"20{THIN}000{THIN}000.0"),
    ],
)
def test_decimal_places_for_columns_that_align(x, decimals, shown):
    assert number(x, decimals=decimals) == shown


@pytest.mark.parametrize(
    ("x", "shown"),
    [
        (2.5, "2.5"),
        (83.0, "83"),
        (0.0, "0"),
        (1e-8, f"1e{MINUS}8"),
        (1200.0, f"1{THIN}200"),
        (3.317, "3.317"),
        (100, "100"),
    ],
)
def test_trimmed(x, shown):
    assert number(x, trim=True) == shown


@pytest.mark.parametrize(
    ("x", "digits", "shown"),
    [
        (0.126, 3, "+0.126"),
        (-2.0, 3, f"{MINUS}2.00"),
        (0.0, 3, "0"),
        (49.87, 4, "+49.87"),
        (2e-9, 2, f"+2.0e{MINUS}9"),
        (math.inf, 3, "+\u221e"),
        (-math.inf, 3, f"{MINUS}\u221e"),
        (math.nan, 3, "\u2014"),
    ],
)
def test_a_change_has_a_sign(x, digits, shown):
    assert signed(x, digits) == shown


def test_what_is_shown_as_zero_has_no_sign():
    assert signed(0.0004, decimals=3) == signed(-0.0004, decimals=3) == "0.000"


@pytest.mark.parametrize(
    ("n", "shown"),
    [
        (0, "0"),
        (272, "272"),
        (1000, f"1{THIN}000"),
        (12345, f"12{THIN}345"),
        (5_000_000, f"5{THIN}000{THIN}000"),
        (-1500, f"{MINUS}1{THIN}500"),
        (np.int64(999), "999"),
    ],
)
def test_counts(n, shown):
    assert count(n) == shown


@given(st.floats(-1e300, 1e300), st.integers(1, 12), st.booleans())
def test_reads_back_as_the_number_to_the_figures_shown(x, digits, trim):
    shown = number(x, digits, trim=trim)
    back = float(shown.replace(THIN, "").replace(MINUS, "-"))
    assert back == pytest.approx(x, rel=0.5000001 * 10.0 ** (1 - digits), abs=0)
    assert "-" not in shown and " " not in shown and "+" not in shown


@given(st.floats(allow_nan=False), st.integers(0, 6))
def test_never_a_negative_zero(x, decimals):
    shown = number(x, decimals=decimals)
    assert not (shown.startswith(MINUS) and not any(c in "123456789\u221e" for c in shown))


def test_sentences_of_the_engine_get_true_minus_signs_in_their_numbers_only():
    assert typeset("remaining gain 8e-9 below 1e-8") == f"remaining gain 8e{MINUS}9 below 1e{MINUS}8"
    assert typeset("M-step 3, half-step 1-2") == "M-step 3, half-step 1-2"
