"""What may be read and called of which values. All of it reads: nothing here changes a value, or opens a file."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TEXT = _words(
    """capitalize casefold count endswith find index isalnum isalpha isascii isdecimal isdigit isidentifier islower
    isnumeric isprintable isspace istitle isupper lower lstrip partition removeprefix removesuffix replace rfind rindex
    rpartition rsplit rstrip split splitlines startswith strip swapcase title upper join"""
)
_REDUCED = _words("sum mean median min max std var")
_PANDAS_BOTH = _REDUCED | _words(
    """abs agg all any clip copy count cummax cummin cumprod cumsum describe diff drop drop_duplicates dropna
    duplicated eq ge gt le lt ne fillna ffill bfill head idxmax idxmin isin isna isnull kurt mode nlargest notna
    notnull nsmallest nunique pct_change prod quantile rank reset_index round sem shift skew sort_index sort_values
    tail to_dict to_string value_counts"""
)
METHODS: dict[str, frozenset[str]] = {
    "text": _TEXT,
    "bytes": _words("hex decode count find startswith endswith"),
    "sequence": _words("count index copy"),
    "dict": _words("keys values items get copy most_common total"),
    "set": _words("union intersection difference symmetric_difference issubset issuperset isdisjoint copy"),
    "range": _words("count index"),
    "scalar": _words(
        """isoformat strftime date time timestamp weekday isoweekday isocalendar total_seconds day_name month_name
        is_integer bit_length item"""
    ),
    "frame": _PANDAS_BOTH | _words("corr cov groupby  select_dtypes set_index memory_usage transpose"),
    "series": _PANDAS_BOTH
    | _words("autocorr between corr cov groupby item unique tolist to_list to_frame to_numpy memory_usage"),
    "index": _words("min max unique nunique tolist to_list value_counts isin isna notna argmin argmax"),
    "groups": _REDUCED | _words("agg count size first last nunique describe ngroup head quantile prod"),
    "array": _words(
        """all any argmax argmin argsort clip conj copy cumprod cumsum diagonal flatten item max mean min nonzero prod
        ravel reshape round squeeze std sum tolist trace transpose var"""
    ),
    "polars frame": _REDUCED
    | _words(
        """bottom_k clone count describe drop drop_nulls estimated_size get_column get_columns group_by head
        is_duplicated is_empty is_unique item limit n_unique null_count quantile reverse row select slice sort tail
        to_dicts to_series top_k unique rows"""
    ),
    "polars series": _REDUCED
    | _words(
        """abs all any arg_max arg_min clone count cum_sum describe diff drop_nulls head is_in is_null is_not_null
        is_empty item len limit mode n_unique null_count product quantile reverse round slice sort tail to_list unique
        value_counts"""
    ),
    "polars groups": _REDUCED | _words("len count first last n_unique quantile"),
    "str": _words("len lower upper title capitalize strip lstrip rstrip startswith endswith isdigit isnumeric isalpha"),
    "dt": _words("day_name month_name date normalize total_seconds"),
}
"""The methods that may be called, by the kind of the value (see `trust.kind_of` and `Access`)."""

READ: dict[str, frozenset[str]] = {
    "frame": _words("columns index shape size ndim dtypes empty T values axes"),
    "series": _words("index shape size ndim dtype dtypes name values empty hasnans is_unique nbytes"),
    "index": _words("name names shape size dtype values empty is_unique nlevels hasnans year month day"),
    "array": _words("shape size ndim dtype nbytes itemsize T real imag"),
    "polars frame": _words("columns dtypes height shape width schema"),
    "polars series": _words("dtype name shape"),
    "scalar": _words(
        """real imag numerator denominator year month day hour minute second microsecond days seconds microseconds
        quarter dayofweek dayofyear day_of_week day_of_year name stem suffix parent parts value ndim shape dtype"""
    ),
    "dt": _words(
        """year month day hour minute second quarter dayofweek day_of_week weekday dayofyear day_of_year date time
        days seconds is_month_end is_month_start"""
    ),
    "range": _words("start stop step"),
}
"""The attributes that may be read, by the kind of the value."""

ACCESSORS: dict[str, frozenset[str]] = {
    "frame": _words("loc iloc at iat"),
    "series": _words("loc iloc at iat str dt"),
}
"""What leads from a value to a part of it: only to be gone on from."""

GROUPING = {
    ("frame", "groupby"): "groups",
    ("series", "groupby"): "groups",
    ("polars frame", "group_by"): "polars groups",
}
"""The methods whose result is only to be gone on from, and what it is."""

FUNCTIONS: dict[str, frozenset[str]] = {
    "numpy": _REDUCED
    | _words(
        """abs all any argmax argmin argsort array asarray average ceil corrcoef cos count_nonzero cumsum diff exp
        floor isfinite isnan log log10 log1p log2 mean median nanmax nanmean nanmedian nanmin nanstd nansum
        nanvar percentile prod ptp quantile round shape sign sin size sort sqrt tan unique"""
    ),
    "math": _words(
        """acos asin atan atan2 ceil copysign cos degrees dist exp fabs floor fmod hypot isclose isfinite isinf isnan
        log log10 log1p log2 radians sin sqrt tan tanh trunc"""
    ),
}
"""The functions of modules that may be called."""
CONSTANTS = _words("pi e tau inf nan newaxis")
"""What may be read of a module."""

KEYWORDS = _words(
    """as_index ascending axis bins by ddof decimals default descending drop dropna exclude include index interpolation
    key keep keepdims labels columns level lower maxsplit method n nulls_last ndigits normalize numeric_only observed
    orient percentiles periods q quantile reverse sep side skipna sort strict subset upper value window fill_value
    name named deep limit drop_first maintain_order"""
)
"""The names of arguments that may be given: none says where something is to be written to, and none is a function."""
AGGREGATES = _REDUCED | _words("count nunique size first last prod")
"""What `agg` may be told: any other text names a method to call."""
GROWING = _words("sum cumsum prod cumprod")
"""Methods that join texts, which takes the square of their number."""
