//! The quantile function of the standard normal distribution.

/// Numerator near the centre.
const CENTRE_NUMERATOR: [f64; 8] = [
    3.387_132_872_796_366_5,
    1.331_416_678_917_843_8e2,
    1.971_590_950_306_551_3e3,
    1.373_169_376_550_946e4,
    4.592_195_393_154_987e4,
    6.726_577_092_700_87e4,
    3.343_057_558_358_813e4,
    2.509_080_928_730_122_7e3,
];

/// Denominator near the centre.
const CENTRE_DENOMINATOR: [f64; 8] = [
    1.0,
    4.231_333_070_160_091e1,
    6.871_870_074_920_579e2,
    5.394_196_021_424_751e3,
    2.121_379_430_158_659_7e4,
    3.930_789_580_009_271e4,
    2.872_908_573_572_194_3e4,
    5.226_495_278_852_854e3,
];

/// Numerator between the centre and the tails.
const SHOULDER_NUMERATOR: [f64; 8] = [
    1.423_437_110_749_683_5,
    4.630_337_846_156_546,
    5.769_497_221_460_691,
    3.647_848_324_763_204_5,
    1.270_458_252_452_368_4,
    2.417_807_251_774_506e-1,
    2.272_384_498_926_918_4e-2,
    7.745_450_142_783_414e-4,
];

/// Denominator between the centre and the tails.
const SHOULDER_DENOMINATOR: [f64; 8] = [
    1.0,
    2.053_191_626_637_759,
    1.676_384_830_183_803_8,
    6.897_673_349_851e-1,
    1.481_039_764_274_800_8e-1,
    1.519_866_656_361_645_7e-2,
    5.475_938_084_995_345e-4,
    1.050_750_071_644_416_9e-9,
];

/// Numerator in the far tails.
const TAIL_NUMERATOR: [f64; 8] = [
    6.657_904_643_501_103,
    5.463_784_911_164_114,
    1.784_826_539_917_291_3,
    2.965_605_718_285_048_7e-1,
    2.653_218_952_657_612_4e-2,
    1.242_660_947_388_078_4e-3,
    2.711_555_568_743_487_6e-5,
    2.010_334_399_292_288_1e-7,
];

/// Denominator in the far tails.
const TAIL_DENOMINATOR: [f64; 8] = [
    1.0,
    5.998_322_065_558_88e-1,
    1.369_298_809_227_358e-1,
    1.487_536_129_085_061_5e-2,
    7.868_691_311_456_133e-4,
    1.846_318_317_510_054_8e-5,
    1.421_511_758_316_446e-7,
    2.044_263_103_389_939_8e-15,
];

/// Returns the value that a standard normal variable stays below with the given probability.
///
/// The relative error is about 1e-16. Probability 0 gives minus infinity, 1 gives infinity, and a number that is no
/// probability gives NaN.
///
/// Source: algorithm AS 241 (PPND16) in Wichura (1988), The percentage points of the normal distribution, Applied
/// Statistics 37(3).
#[must_use]
pub fn normal_quantile(probability: f64) -> f64 {
    let offset = probability - 0.5;
    if offset.abs() <= 0.425 {
        let argument = 0.180_625 - offset * offset;
        return offset * ratio(&CENTRE_NUMERATOR, &CENTRE_DENOMINATOR, argument);
    }
    let tail = if offset < 0.0 { probability } else { 1.0 - probability };
    if tail == 0.0 {
        return f64::INFINITY.copysign(offset);
    }
    let radius = (-tail.ln()).sqrt();
    let magnitude = if radius <= 5.0 {
        ratio(&SHOULDER_NUMERATOR, &SHOULDER_DENOMINATOR, radius - 1.6)
    } else {
        ratio(&TAIL_NUMERATOR, &TAIL_DENOMINATOR, radius - 5.0)
    };
    magnitude.copysign(offset)
}

/// Divides two polynomials whose coefficients start with the constant term.
fn ratio(numerator: &[f64], denominator: &[f64], argument: f64) -> f64 {
    let evaluate = |coefficients: &[f64]| {
        coefficients.iter().rev().fold(0.0, |sum, coefficient| sum * argument + coefficient)
    };
    evaluate(numerator) / evaluate(denominator)
}
