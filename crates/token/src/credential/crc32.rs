//! CRC-32 as in ISO 3309 and zip: tells mistakes, not forgeries.

/// The checksum of `bytes`. Fifty bytes at a time do not need a table.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)))
}

const fn step(crc: u32) -> u32 {
    // The polynomial 04C11DB7, bits reversed; applied when the bit that falls out is set.
    crc >> 1 ^ (0xEDB8_8320 & 0_u32.wrapping_sub(crc & 1))
}
