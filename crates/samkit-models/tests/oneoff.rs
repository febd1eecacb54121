#![allow(missing_docs)]
use samkit_models::*;
#[test]
fn go() {
    let s = Store::at("/tmp/mm/store");
    let any = ImportOptions { allow_unknown: true };
    let l = s.import(find("mobile-sam").unwrap(), &["/tmp/mm/package/dist/sam.onnx".into(), "/tmp/mm/package/dist/encoder.onnx".into()], &ImportOptions::default(), &Silent).unwrap();
    println!("{l:#?}");
    let a = std::fs::read(&l.path).unwrap(); let b = std::fs::read("/root/.cache/samkit/models/mobile-sam.safetensors").unwrap();
    assert!(a == b);
    let l = s.import(find("mobile-sam").unwrap(), &["/tmp/mm/mobile_sam_random.pt".into()], &any, &Silent).unwrap();
    println!("{l:#?}");
    // a stored file can be imported again, unchanged
    std::fs::copy(&l.path, "/tmp/mm/again.safetensors").unwrap();
    let m = s.import(find("mobile-sam").unwrap(), &["/tmp/mm/again.safetensors".into()], &any, &Silent).unwrap();
    assert_ne!(m.sha256, l.sha256);
    let t = std::time::Instant::now();
    let l = s.import(find("sam-vit-b").unwrap(), &["/tmp/mm/vit_b.pth".into()], &any, &Silent).unwrap();
    println!("{l:#?} {:?}", t.elapsed());
    println!("{}", s.import(find("sam-vit-l").unwrap(), &["/tmp/mm/vit_b.pth".into()], &any, &Silent).unwrap_err());
    println!("{}", s.import(find("sam-vit-b").unwrap(), &["/tmp/mm/vit_b.pth".into()], &ImportOptions::default(), &Silent).unwrap_err());
    println!("{}", s.import(find("mobile-sam").unwrap(), &["/tmp/mm/package/dist/sam.onnx".into(), "/tmp/mm/package/dist/sam.onnx".into()], &ImportOptions::default(), &Silent).unwrap_err());
    println!("{}", find("mobile-sam").unwrap().sources[0]);
    let e = Store::at("/tmp/mm/s2").pull(find("sam-vit-b").unwrap(), &PullOptions::default(), &Silent).unwrap_err();
    println!("{:?}", miette::Report::new(e));
    for v in ["http_proxy"] { println!("{v} {:?}", std::env::var(v)); }
}
